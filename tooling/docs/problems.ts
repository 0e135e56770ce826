import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

interface Spec {
  readonly code: string;
  readonly status: number;
  readonly title: string;
}

/** Every refusal of every room: an exported value with a code, a status and a title. */
export async function problemsPage(root: string): Promise<string> {
  const source = join(root, "server/src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => /(^|\/)problems?\.ts$/.test(name) && !name.startsWith("interfaces"))
    .toSorted();
  const modules = await Promise.all(
    files.map(async (name): Promise<object> => import(pathToFileURL(join(source, name)).href)),
  );
  const specs = modules
    .flatMap((module): unknown[] => Object.values(module))
    .filter(isSpec)
    .toSorted((left, right) => left.code.localeCompare(right.code));
  return `# Problems

Made from the code by \`npm run docs\`. Refusals are \`application/problem+json\` (RFC 9457) with \`code\`,
\`title\`, \`status\`, often \`detail\`, and \`requestId\`, by which the log finds what happened.

${specs.map((spec) => `## ${spec.code}\n\n${spec.status}. ${spec.title}\n`).join("\n")}
## platform/internal

500. Something broke on our side; nothing was changed. Quote the request id.
`;
}

function isSpec(value: unknown): value is Spec {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "status" in value &&
    typeof value.status === "number" &&
    "title" in value &&
    typeof value.title === "string"
  );
}
