import type { Json } from "#sandbox/http/json.ts";
import type { World } from "./world.ts";

export function toLegacy(_w: World, json: Json): Json {
  return json;
}
