import { z } from "zod";

import type { Operation } from "#platform/operation/operation.ts";

/** One input field as the command line shows it. */
export interface FieldFlag {
  readonly field: string;
  /** `--provider-customer-id` */
  readonly flag: string;
  readonly kind: "text" | "number" | "boolean" | "list" | "json";
  readonly choices: readonly string[];
  readonly required: boolean;
  readonly positional: boolean;
  readonly description: string;
  readonly defaultText: string | null;
}

const fieldSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.looseObject({ type: z.string().optional() })).optional(),
  items: z.looseObject({ enum: z.array(z.unknown()).optional() }).optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
});
const inputSchema = z.looseObject({
  properties: z.record(z.string(), fieldSchema).default({}),
  required: z.array(z.string()).default([]),
});

/** The operation's input fields, in the order of their declaration. */
export function flagsOf(operation: Operation): FieldFlag[] {
  const json = inputSchema.parse(
    z.toJSONSchema(operation.input, { io: "input", unrepresentable: "any" }),
  );
  const positional = new Set(operation.cli.args ?? []);
  return Object.entries(json.properties).map(([field, schema]) => ({
    field,
    flag: `--${kebab(field)}`,
    kind: kindOf(schema),
    choices: (schema.enum ?? schema.items?.enum ?? []).map(String),
    required: json.required.includes(field) && schema.default === undefined,
    positional: positional.has(field),
    description: schema.description ?? "",
    defaultText: schema.default === undefined ? null : JSON.stringify(schema.default),
  }));
}

/** What was typed, as the operation's input; refuses what cannot be read with a sentence for the person who typed it. */
export function readField(
  flag: FieldFlag,
  typed: string,
): { value: unknown } | { refusal: string } {
  switch (flag.kind) {
    case "text":
      return { value: typed };
    case "number":
      return typed.trim() !== "" && Number.isFinite(Number(typed))
        ? { value: Number(typed) }
        : { refusal: `${flag.flag} wants a number, got "${typed}".` };
    case "boolean":
      return ["true", "false"].includes(typed)
        ? { value: typed === "true" }
        : { refusal: `${flag.flag} wants true or false, got "${typed}".` };
    case "list":
      return { value: typed.split(",").map((part) => part.trim()) };
    case "json":
      return readJson(flag, typed);
    default:
      return flag.kind satisfies never;
  }
}

function readJson(flag: FieldFlag, typed: string): { value: unknown } | { refusal: string } {
  try {
    return { value: JSON.parse(typed) };
  } catch {
    return { refusal: `${flag.flag} wants JSON, for example '{"key":"value"}'.` };
  }
}

function kindOf(schema: z.output<typeof fieldSchema>): FieldFlag["kind"] {
  const types = [schema.type ?? [], (schema.anyOf ?? []).map((option) => option.type ?? [])].flat(
    2,
  );
  switch (types.find((type) => type !== "null")) {
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
      return "list";
    case "object":
      return "json";
    default:
      return "text";
  }
}

function kebab(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
