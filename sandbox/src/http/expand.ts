import { includable } from "#sandbox/stripe/includable.ts";
import { lookup } from "#sandbox/stripe/lookup.ts";
import { render } from "#sandbox/stripe/versions.ts";
import type { World } from "#sandbox/stripe/world.ts";

import { invalid } from "./failure.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** Stripe follows at most four levels. */
const MAX_LEVELS = 4;

export interface ExpandContext {
  readonly w: World;
  readonly version: string;
}

/** Replaces ids by objects along the given paths (`latest_invoice.payments`, `data.customer`), in place. */
export function expandPaths(context: ExpandContext, root: Json, paths: readonly string[]): void {
  for (const path of paths) {
    const parts = path.split(".");
    if (parts.length > MAX_LEVELS + (parts[0] === "data" ? 1 : 0)) {
      throw invalid(
        `You cannot expand more than ${MAX_LEVELS} levels of a property. Property: ${path}`,
        "expand",
      );
    }
    descend(context, root, { path, parts });
  }
}

function descend(
  context: ExpandContext,
  node: Json,
  want: { path: string; parts: readonly string[] },
): void {
  const [part, ...rest] = want.parts;
  if (part === undefined || !isJsonObject(node)) {
    return;
  }
  const value = resolve(context, node, part, want.path);
  for (const child of Array.isArray(value) ? value : [value]) {
    descend(context, child, { path: want.path, parts: rest });
  }
}

function resolve(context: ExpandContext, node: JsonObject, part: string, path: string): Json {
  const value = node[part];
  if (typeof value === "string") {
    node[part] = objectFor(context, value) ?? cannot(path);
  } else if (Array.isArray(value)) {
    node[part] = value.map((item) =>
      typeof item === "string" ? (objectFor(context, item) ?? cannot(path)) : item,
    );
  } else if (value === undefined) {
    const made = includable(context.w, node, part);
    node[part] = made === undefined ? cannot(path) : render(context.w, made, context.version);
  }
  return node[part] ?? null;
}

function objectFor(context: ExpandContext, id: string): Json | undefined {
  const found = lookup(context.w, id);
  return found === undefined ? undefined : render(context.w, found, context.version);
}

function cannot(path: string): never {
  throw invalid(
    `This property cannot be expanded (${path}). You may want to try expanding 'data.${path}' instead if this is a list.`,
    "expand",
  );
}
