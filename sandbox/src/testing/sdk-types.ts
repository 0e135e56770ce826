import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The members of an object as the SDK declares them. */
export interface Declared {
  readonly required: readonly string[];
  readonly all: readonly string[];
}

const root = join(
  dirname(createRequire(import.meta.url).resolve("stripe")),
  "..",
  "esm",
  "resources",
);

/** Reads an interface out of the SDK's declarations: `Subscriptions`, `Subscription`; nested ones by their namespace. */
export function declaredMembers(file: string, name: string): Declared {
  const text = readFileSync(join(root, `${file}.d.ts`), "utf8");
  const body = new RegExp(`export interface ${name} \\{\\n(?<body>[\\s\\S]*?)\\n\\}`, "u").exec(
    text,
  )?.groups?.["body"];
  if (body === undefined) {
    throw new Error(`the SDK declares no ${name} in ${file}`);
  }
  const members = [...body.matchAll(/^ {4}(?<name>\w+)(?<optional>\??): (?<type>.*)$/gmu)]
    .map((match) => match.groups ?? {})
    .filter((member) => member["type"] !== "void;");
  return {
    required: members
      .filter((member) => member["optional"] === "")
      .map((member) => member["name"] ?? ""),
    all: members.map((member) => member["name"] ?? ""),
  };
}
