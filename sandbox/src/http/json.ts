export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A deep copy as plain JSON, with members that are undefined left out. */
export function toJson(value: unknown): Json {
  const text = JSON.stringify(value);
  return text === undefined ? null : parseJson(text);
}

/** JSON.parse with a type; throws SyntaxError. */
export function parseJson(text: string): Json {
  return JSON.parse(text);
}

/** The `id` of an answer. */
export function idIn(json: { readonly id?: Json }): string {
  return typeof json.id === "string" ? json.id : "";
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
