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
  if (!within(body)) {
    return {
      ok: false,
      reason: `The body is nested deeper than ${String(MAX_DEPTH)} levels or has more than ${String(MAX_NODES)} values.`,
    };
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return { ok: false, reason: "The body is not valid JSON." };
  }
  return isObject(value)
    ? { ok: true, value }
    : { ok: false, reason: "The body is not a JSON object." };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads the limits off the bytes, outside of strings: brackets are levels, and every value but the
 * first of its list or object follows a comma. Walking the parsed value instead was a quarter of the
 * processor that an event costs the intake, and it comes too late for what parsing itself allocates.
 */
function within(body: Buffer): boolean {
  let depth = 0;
  let nodes = 0;
  for (let at = 0; at < body.length; at += 1) {
    switch (body[at]) {
      case QUOTE:
        at = endOfString(body, at);
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth += 1;
        nodes += 1;
        if (depth > MAX_DEPTH) {
          return false;
        }
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth -= 1;
        break;
      case COMMA:
        nodes += 1;
        break;
      default:
    }
  }
  return nodes <= MAX_NODES;
}

/** Place of the closing quote; the body's length where there is none (no JSON, which the parser will say). */
function endOfString(body: Buffer, open: number): number {
  let at = open + 1;
  while (at < body.length && body[at] !== QUOTE) {
    at += body[at] === BACKSLASH ? 2 : 1;
  }
  return at;
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
