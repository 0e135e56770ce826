import { formatCount, humanize } from "./format.ts";

/** One field of a form, worked out from a JSON schema. */
export interface FormField {
  /** Path in the value, joined by dots: the name that validation errors use as well. */
  readonly path: string;
  readonly label: string;
  readonly help: string | undefined;
  readonly required: boolean;
  readonly initial: string;
  readonly kind:
    | { readonly type: "text" | "email" | "moment" | "json" | "long" }
    | {
        readonly type: "number";
        readonly whole: boolean;
        readonly min?: number;
        readonly max?: number;
      }
    | { readonly type: "flag" }
    | { readonly type: "choice"; readonly options: readonly string[]; readonly numbers?: boolean }
    | { readonly type: "lines"; readonly numbers: boolean };
}

/** Words for people in place of what the schema says of a field. */
export interface FieldWords {
  readonly label?: string;
  readonly help?: string;
  /** By the value that a choice stands for. */
  readonly options?: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;
const LONG_TEXT = 400;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** `anyOf [X, null]` (a nullable) is X for a form: leaving it empty is the null. */
function unwrap(schema: Json): Json {
  const options = schema["anyOf"];
  if (!Array.isArray(options)) {
    return schema;
  }
  const real = options.filter((each): each is Json => isObject(each) && each["type"] !== "null");
  const only = real[0];
  return real.length === 1 && only !== undefined ? { ...only, ...withoutUnion(schema) } : schema;
}

function withoutUnion(schema: Json): Json {
  const { anyOf: _union, ...rest } = schema;
  return rest;
}

/** The fields of an object's schema, nested objects flattened by dots. Anything a form cannot hold becomes a JSON field, so no operation is out of reach. */
export function fieldsOf(schema: unknown, prefix = ""): readonly FormField[] {
  if (!isObject(schema) || !isObject(schema["properties"])) {
    return [];
  }
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(schema["properties"]).flatMap(([name, raw]) => {
    const inner = isObject(raw) ? unwrap(raw) : {};
    const path = prefix + name;
    if (inner["type"] === "object" && isObject(inner["properties"])) {
      return fieldsOf(inner, `${path}.`);
    }
    const initial = inner["default"];
    return [
      {
        path,
        label: text(inner["title"]) ?? humanize(path),
        help: text(inner["description"]),
        required: required.includes(name) && initial === undefined,
        initial: initial === undefined ? "" : initialText(initial),
        kind: kindOf(inner),
      },
    ];
  });
}

function initialText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function choices(schema: Json): readonly string[] | undefined {
  if (Array.isArray(schema["enum"])) {
    return schema["enum"].filter((each) => typeof each === "string");
  }
  return typeof schema["const"] === "string" ? [schema["const"]] : undefined;
}

/** A union of numbers that are each written out (0, 1, 5, 9). */
function numberChoices(schema: Json): readonly string[] {
  const options = Array.isArray(schema["anyOf"]) ? schema["anyOf"] : [];
  const numbers = options.map((each: unknown) => (isObject(each) ? each["const"] : undefined));
  return numbers.every((each) => typeof each === "number") ? numbers.map(String) : [];
}

function kindOf(schema: Json): FormField["kind"] {
  const options = choices(schema);
  if (options !== undefined && options.length > 0) {
    return { type: "choice", options };
  }
  const numbers = numberChoices(schema);
  if (numbers.length > 0) {
    return { type: "choice", options: numbers, numbers: true };
  }
  switch (schema["type"]) {
    case "integer":
    case "number":
      return numberKind(schema);
    case "boolean":
      return { type: "flag" };
    case "array":
      return arrayKind(schema["items"]);
    case "string":
      return stringKind(schema);
    default:
      return { type: "json" };
  }
}

function numberKind(schema: Json): FormField["kind"] {
  const min = numberOf(schema["minimum"]);
  const max = numberOf(schema["maximum"]);
  return {
    type: "number",
    whole: schema["type"] === "integer",
    ...(min === undefined || min === Number.MIN_SAFE_INTEGER ? {} : { min }),
    ...(max === undefined || max === Number.MAX_SAFE_INTEGER ? {} : { max }),
  };
}

function arrayKind(items: unknown): FormField["kind"] {
  const inner = isObject(items) ? items["type"] : undefined;
  if (inner === "string") {
    return { type: "lines", numbers: false };
  }
  return inner === "integer" || inner === "number"
    ? { type: "lines", numbers: true }
    : { type: "json" };
}

function stringKind(schema: Json): FormField["kind"] {
  if (schema["format"] === "date-time") {
    return { type: "moment" };
  }
  if (schema["format"] === "email") {
    return { type: "email" };
  }
  return { type: (numberOf(schema["maxLength"]) ?? 0) > LONG_TEXT ? "long" : "text" };
}

/** What was typed, by path, as the value that the operation takes. Empty fields are left out; the server judges the rest. */
export function valueOf(
  fields: readonly FormField[],
  typed: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const field of fields) {
    const raw = typed[field.path] ?? "";
    if (raw !== "") {
      place(value, field.path.split("."), convert(field.kind, raw));
    }
  }
  return value;
}

function place(into: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined) {
    return;
  }
  if (rest.length === 0) {
    into[first] = value;
    return;
  }
  const next: Record<string, unknown> = { ...(isObject(into[first]) ? into[first] : {}) };
  into[first] = next;
  place(next, rest, value);
}

function convert(kind: FormField["kind"], raw: string): unknown {
  switch (kind.type) {
    case "number":
      return Number.isNaN(Number(raw)) ? raw : Number(raw);
    case "flag":
      return raw === "true";
    case "moment":
      return momentOf(raw);
    case "lines": {
      const lines = raw.split(/[\n,]+/u).flatMap((line) => line.trim() || []);
      return kind.numbers ? lines.map(Number) : lines;
    }
    case "json":
      return parseJson(raw);
    case "choice":
      return kind.numbers === true ? Number(raw) : raw;
    case "text":
    case "long":
    case "email":
      return raw.trim();
  }
}

/** A local date and time as an instant; what cannot be read goes to the server as it is, which says what is wrong. */
function momentOf(raw: string): string {
  const at = new Date(raw);
  return Number.isNaN(at.getTime()) ? raw : at.toISOString();
}

function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}

const two = (part: number) => String(part).padStart(2, "0");

/** An instant as a field for a local date and time takes it; anything else as it is. */
function localMoment(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) {
    return instant;
  }
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day}T${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}

/** What a number may be, where the schema says so. */
export function rangeWords(kind: FormField["kind"]): string | undefined {
  if (kind.type !== "number" || kind.min === undefined) {
    return undefined;
  }
  return kind.max === undefined
    ? `${formatCount(kind.min)} or more`
    : `${formatCount(kind.min)} to ${formatCount(kind.max)}`;
}

/** The fields with the words that people read in place of their names. */
export function named(
  fields: readonly FormField[],
  words: Readonly<Record<string, FieldWords>>,
): readonly FormField[] {
  return fields.map((field) => {
    const own = words[field.path];
    return own === undefined
      ? field
      : { ...field, label: own.label ?? field.label, help: own.help ?? field.help };
  });
}

/** A sentence of the server's that names fields as programs do ("`usePlan`"), with their labels instead. */
export function inWords(said: string, fields: readonly FormField[]): string {
  const labelled = fields
    .filter((field) => /[A-Z]/u.test(field.path))
    .reduce(
      (words, field) =>
        words.replaceAll(
          new RegExp(`\`?\\b${field.path.replaceAll(".", "\\.")}\\b\`?`, "gu"),
          () => `“${field.label}”`,
        ),
      said,
    );
  return labelled.replaceAll(/`([^`]*)`/gu, "“$1”");
}

function valueAt(value: Json, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** A value as it would be typed: lists of plain values on lines. The reverse of `valueOf`. */
export function typedText(value: unknown): string {
  return Array.isArray(value) && value.every((each) => typeof each !== "object")
    ? value.map(String).join("\n")
    : initialText(value);
}

/** Values that are known before the form opens (the row it was opened from), as typed text. */
export function typedFrom(
  fields: readonly FormField[],
  known: Readonly<Record<string, unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => {
      const value = valueAt(known, field.path);
      if (value === undefined || value === null) {
        return [field.path, field.initial];
      }
      const shown = typedText(value);
      return [field.path, field.kind.type === "moment" ? localMoment(shown) : shown];
    }),
  );
}
