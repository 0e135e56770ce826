/** A payload that lacks what its version promises, or holds another kind of value there. */
export class ShapeError extends Error {
  readonly path: string;
  constructor(path: string, found: unknown) {
    super(
      `${path} is ${found === undefined ? "missing" : `not what it should be (${typeof found})`}`,
    );
    this.name = "ShapeError";
    this.path = path;
  }
}

/**
 * Hand-written checks instead of a schema library: this runs for every field of every event on the
 * hot path, and what passes is exact: a key that must be there and is not is an error, never a null.
 */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function obj(from: Json, key: string): Json {
  const value = from[key];
  if (!isJson(value)) {
    throw new ShapeError(key, value);
  }
  return value;
}

/** The object under the key, or null where it is null or absent. */
export function maybeObj(from: Json, key: string): Json | null {
  const value = from[key];
  return isJson(value) ? value : null;
}

export function str(from: Json, key: string): string {
  const value = from[key];
  if (typeof value !== "string") {
    throw new ShapeError(key, value);
  }
  return value;
}

/** null is a value of its own; a key that is not there at all is an error. */
export function strOrNull(from: Json, key: string): string | null {
  const value = from[key];
  if (value !== null && typeof value !== "string") {
    throw new ShapeError(key, value);
  }
  return value;
}

/** For decoration: absent is as good as null. */
export function looseStr(from: Json, key: string): string | null {
  const value = from[key];
  return typeof value === "string" ? value : null;
}

export function int(from: Json, key: string): number {
  const value = from[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new ShapeError(key, value);
  }
  return value;
}

export function intOrNull(from: Json, key: string): number | null {
  return from[key] === null ? null : int(from, key);
}

export function looseInt(from: Json, key: string): number | null {
  const value = from[key];
  return typeof value === "number" && Number.isSafeInteger(value) ? value : null;
}

export function bool(from: Json, key: string): boolean {
  const value = from[key];
  if (typeof value !== "boolean") {
    throw new ShapeError(key, value);
  }
  return value;
}

/** The elements of a Stripe list (`{ data: [...] }`). */
export function list(from: Json, key: string): readonly Json[] {
  const data = obj(from, key)["data"];
  if (!Array.isArray(data) || !data.every(isJson)) {
    throw new ShapeError(`${key}.data`, data);
  }
  return data;
}

/** An id, whether the object is expanded or not. */
export function ref(from: Json, key: string): string {
  const id = refOf(from[key]);
  if (id === null) {
    throw new ShapeError(key, from[key]);
  }
  return id;
}

export function refOrNull(from: Json, key: string): string | null {
  const value = from[key];
  if (value === undefined) {
    throw new ShapeError(key, value);
  }
  return value === null ? null : ref(from, key);
}

export function looseRef(from: Json, key: string): string | null {
  return refOf(from[key]);
}

function refOf(value: unknown): string | null {
  if (typeof value === "string") {
    return value;
  }
  return isJson(value) && typeof value["id"] === "string" ? value["id"] : null;
}

/** A parsed answer with what Postgres cannot hold, NUL and half of a surrogate pair, as U+FFFD in every text. Events are read so from their raw bytes. */
export function cleaned(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replaceAll("\0", "\ufffd").toWellFormed();
  }
  if (Array.isArray(value)) {
    return value.map(cleaned);
  }
  return isJson(value)
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleaned(each)]))
    : value;
}
