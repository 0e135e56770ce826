import { invalid, required } from "./failure.ts";
import type { FormHash } from "./form.ts";

/** A hash of parameters together with the path it was found at, so that refusals name the parameter as Stripe does. */
export interface Input {
  readonly hash: FormHash;
  readonly path: string;
}

function paramName(input: Input, key: string): string {
  return input.path === "" ? key : `${input.path}[${key}]`;
}

export function has(input: Input, key: string): boolean {
  return input.hash.has(key);
}

/** The text of a parameter; undefined when absent; "" when sent empty, which in Stripe's API means "unset". */
export function text(input: Input, key: string): string | undefined {
  const value = input.hash.get(key);
  if (value instanceof Map) {
    throw invalid(`Invalid string: {...}`, paramName(input, key));
  }
  return value;
}

/** Text that must be there. */
export function needText(input: Input, key: string): string {
  const value = text(input, key);
  if (value === undefined || value === "") {
    throw required(paramName(input, key));
  }
  return value;
}

/** For members that are nullable: absent stays undefined, "" becomes null. */
export function nullable(input: Input, key: string): string | null | undefined {
  const value = text(input, key);
  return value === "" ? null : value;
}

export function int(input: Input, key: string): number | undefined {
  const value = text(input, key);
  if (value === undefined || value === "") {
    return undefined;
  }
  if (!/^-?\d{1,15}$/u.test(value)) {
    throw invalid(`Invalid integer: ${value}`, paramName(input, key), "parameter_invalid_integer");
  }
  return Number(value);
}

export function needInt(input: Input, key: string): number {
  const value = int(input, key);
  if (value === undefined) {
    throw required(paramName(input, key));
  }
  return value;
}

export function decimal(input: Input, key: string): number | undefined {
  const value = text(input, key);
  if (value === undefined || value === "") {
    return undefined;
  }
  const number = Number(value);
  if (!Number.isFinite(number)) {
    throw invalid(`Invalid decimal: ${value}`, paramName(input, key));
  }
  return number;
}

export function bool(input: Input, key: string): boolean | undefined {
  const value = text(input, key);
  if (value === undefined || value === "") {
    return undefined;
  }
  if (value !== "true" && value !== "false") {
    throw invalid(`Invalid boolean: ${value}`, paramName(input, key));
  }
  return value === "true";
}

/** One of the given words; undefined when absent. */
export function choice<const T extends string>(
  input: Input,
  key: string,
  words: readonly T[],
): T | undefined {
  const value = text(input, key);
  if (value === undefined || value === "") {
    return undefined;
  }
  const found = words.find((word) => word === value);
  if (found === undefined) {
    throw invalid(`Invalid ${key}: must be one of ${words.join(", ")}`, paramName(input, key));
  }
  return found;
}

/** A nested hash; undefined when absent or sent empty. */
export function nested(input: Input, key: string): Input | undefined {
  const value = input.hash.get(key);
  if (value === undefined || value === "") {
    return undefined;
  }
  if (!(value instanceof Map)) {
    throw invalid(`Invalid object`, paramName(input, key));
  }
  return { hash: value, path: paramName(input, key) };
}

/** The members of a list of hashes, in order. */
export function hashes(input: Input, key: string): readonly Input[] | undefined {
  const list = nested(input, key);
  if (list === undefined) {
    return undefined;
  }
  return [...list.hash.keys()].map((at) => {
    const item = nested(list, at);
    if (item === undefined) {
      throw invalid(`Invalid array`, paramName(input, key));
    }
    return item;
  });
}

/** A list of plain values; a single value counts as a list of one. */
export function texts(input: Input, key: string): readonly string[] | undefined {
  const value = input.hash.get(key);
  if (value === undefined) {
    return undefined;
  }
  if (typeof value === "string") {
    return value === "" ? [] : [value];
  }
  return [...value.values()].filter((item) => typeof item === "string");
}

/** Metadata laid over the old: keys sent empty are removed, an empty `metadata` clears everything. */
export function metadata(
  input: Input,
  before: Record<string, string> = {},
): Record<string, string> {
  const value = input.hash.get("metadata");
  if (value === undefined) {
    return before;
  }
  if (typeof value === "string") {
    return {};
  }
  const merged = new Map(Object.entries(before));
  for (const [key, item] of value) {
    if (typeof item !== "string") {
      throw invalid("Metadata values must be strings", `metadata[${key}]`);
    }
    if (item === "") {
      merged.delete(key);
    } else {
      merged.set(key, item);
    }
  }
  return Object.fromEntries(merged);
}
