import { isJsonObject, toJson, type Json } from "#sandbox/http/json.ts";

import { toLegacy, toLegacyPrevious } from "./legacy.ts";
import { API_VERSION, type StoredEvent, type World } from "./world.ts";

/** From this version on invoices have `parent` and periods are on subscription items. */
const FIRST_MODERN = "2025-03-31.basil";

/** Whether a version is of the older generation of shapes. */
function isLegacy(version: string): boolean {
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

/** An event's previous_attributes in the shape of that API version. */
export function renderPrevious(w: World, event: StoredEvent, version: string): Json {
  const json = toJson(event.previous);
  const object = toJson(event.object);
  return isLegacy(version) && isJsonObject(json) && isJsonObject(object)
    ? toLegacyPrevious(w, json, object)
    : json;
}
