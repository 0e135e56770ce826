import type { ParameterList } from "#sandbox/stripe/parameter-names.ts";
import type { World } from "#sandbox/stripe/world.ts";

import { missing } from "./failure.ts";
import type { Input } from "./input.ts";

/** One request as a handler sees it: `ids` are the variable parts of the path. */
export interface Call {
  readonly w: World;
  readonly ids: readonly string[];
  readonly input: Input;
  readonly path: string;
}

export interface Route {
  readonly method: "DELETE" | "GET" | "POST";
  /** Variable parts are written `*`. */
  readonly path: string;
  /** Names of the parameters it takes: a list from the SDK's types, or these. */
  readonly takes: ParameterList | readonly string[];
  readonly handle: (call: Call) => object;
}

export function route(
  method: Route["method"],
  path: string,
  takes: Route["takes"],
  handle: (call: Call) => object,
): Route {
  return { method, path, takes, handle };
}

/** The first (or given) variable part of the path. */
export function idOf(call: Call, at = 0): string {
  return call.ids[at] ?? "";
}

/** The object with that id, or Stripe's 404. */
export function need<T>(table: ReadonlyMap<string, T>, noun: string, id: string, param = "id"): T {
  const found = table.get(id);
  if (found === undefined) {
    throw missing(noun, id, param);
  }
  return found;
}
