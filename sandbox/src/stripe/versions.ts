import { toJson, type Json } from "#sandbox/http/json.ts";
import { API_VERSION, type World } from "./world.ts";
import { toLegacy } from "./legacy.ts";

/** From this version on invoices have `parent` and periods are on subscription items. */
const FIRST_MODERN = "2025-03-31.basil";

/** Whether a version is of the older generation of shapes. */
export function isLegacy(version: string): boolean {
  return version < FIRST_MODERN;
}

/** Whether the text looks like one of Stripe's versions. */
export function isVersion(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/u.test(version) && version <= API_VERSION;
}

/** An object as plain JSON in the shape of that API version. */
export function render(w: World, object: object, version: string): Json {
  const json = toJson(object);
  return isLegacy(version) ? toLegacy(w, json) : json;
}
