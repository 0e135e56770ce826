import { readFileSync } from "node:fs";

import { isJsonObject, parseJson, type Json, type JsonObject } from "#sandbox/http/json.ts";

/**
 * The part of OpenAPI's schema language that Stripe's document of 2023-08-16 uses for its objects, checked by hand:
 * a schema library would be one more dependency for one test. Objects outside the extract are taken as they are.
 */
const file = parseJson(
  readFileSync(new URL("./data/schemas-2023-08-16.json", import.meta.url), "utf8"),
);
const schemas = isJsonObject(file) && isJsonObject(file["schemas"]) ? file["schemas"] : {};

/** The kinds of objects that the extract describes. */
export const OLD_KINDS: readonly string[] =
  isJsonObject(file) && Array.isArray(file["kinds"])
    ? file["kinds"].filter((kind) => typeof kind === "string")
    : [];

/** Where a value breaks its schema, as paths with the reason; empty when it fits. */
export function oldShapeErrors(kind: string, value: Json): readonly string[] {
  return check({ $ref: kind }, value, kind);
}

/** Members that the document does not know. */
export function unknownToOld(kind: string, value: JsonObject): readonly string[] {
  const schema = schemas[kind];
  const properties =
    isJsonObject(schema) && isJsonObject(schema["properties"]) ? schema["properties"] : {};
  return Object.keys(value).filter((member) => !(member in properties));
}

function check(given: JsonObject, value: Json, path: string): readonly string[] {
  const ref = given["$ref"];
  const found = typeof ref === "string" ? schemas[ref] : given;
  if (!isJsonObject(found)) {
    return [];
  }
  if (value === null) {
    return found["nullable"] === true || given["nullable"] === true ? [] : [`${path}: null`];
  }
  const choices = found["anyOf"];
  if (Array.isArray(choices)) {
    const tried = choices.filter(isJsonObject).map((choice) => check(choice, value, path));
    return tried.some((errors) => errors.length === 0) ? [] : (tried[0] ?? []);
  }
  const words = found["enum"];
  if (Array.isArray(words) && !words.includes(value)) {
    return [`${path}: ${JSON.stringify(value)} is none of ${JSON.stringify(words)}`];
  }
  return [...typeErrors(found, value, path), ...partErrors(found, value, path)];
}

function typeErrors(schema: JsonObject, value: Json, path: string): readonly string[] {
  switch (schema["type"]) {
    case "string":
    case "boolean":
    case "number":
      return typeof value === schema["type"] ? [] : [`${path}: not a ${schema["type"]}`];
    case "integer":
      return Number.isInteger(value) ? [] : [`${path}: not an integer`];
    case "array":
      return Array.isArray(value) ? [] : [`${path}: not a list`];
    case "object":
      return isJsonObject(value) ? [] : [`${path}: not an object`];
    default:
      return [];
  }
}

function partErrors(schema: JsonObject, value: Json, path: string): readonly string[] {
  const { items, properties, required } = schema;
  if (Array.isArray(value) && isJsonObject(items)) {
    return value.flatMap((item, at) => check(items, item, `${path}[${at}]`));
  }
  if (!isJsonObject(value)) {
    return [];
  }
  const needed = Array.isArray(required) ? required : [];
  const missing = needed
    .filter((name) => typeof name === "string")
    .filter((name) => !(name in value));
  const known = isJsonObject(properties) ? properties : {};
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const part = known[name];
    return isJsonObject(part) ? check(part, member, `${path}.${name}`) : [];
  });
  return [...missing.map((name) => `${path}: lacks ${name}`), ...wrong];
}
