import { isUtf8 } from "node:buffer";

const MAX_DEPTH = 64;
const MAX_NODES = 200_000;

export type Parsed =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: string };

/**
 * Parses a signed body once, within limits: valid UTF-8, an object, at most 64 levels and 200,000
 * nodes. JSON.parse itself does not recurse, but whoever walks its result does.
 */
export function parseBody(body: Buffer): Parsed {
  if (!isUtf8(body)) {
    return { ok: false, reason: "The body is not valid UTF-8." };
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return { ok: false, reason: "The body is not valid JSON." };
  }
  if (!isObject(value)) {
    return { ok: false, reason: "The body is not a JSON object." };
  }
  const limit = { nodes: MAX_NODES };
  return within(value, MAX_DEPTH, limit)
    ? { ok: true, value }
    : {
        ok: false,
        reason: `The body is nested deeper than ${String(MAX_DEPTH)} levels or has more than ${String(MAX_NODES)} values.`,
      };
}

function within(value: object, depth: number, limit: { nodes: number }): boolean {
  if (depth === 0) {
    return false;
  }
  for (const key in value) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON.parse made it: own enumerable keys only
    const child = (value as Record<string, unknown>)[key];
    limit.nodes -= 1;
    if (limit.nodes < 0) {
      return false;
    }
    if (typeof child === "object" && child !== null && !within(child, depth - 1, limit)) {
      return false;
    }
  }
  return true;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textAt(value: unknown, name: string): string | null {
  if (!isObject(value)) {
    return null;
  }
  const found = value[name];
  return typeof found === "string" && found !== "" ? found : null;
}

/** An id that may be given plainly or as the expanded object. */
export function idAt(value: unknown, name: string): string | null {
  if (!isObject(value)) {
    return null;
  }
  const found = value[name];
  return typeof found === "string" && found !== "" ? found : textAt(found, "id");
}
