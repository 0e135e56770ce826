import { isUtf8 } from "node:buffer";

const MAX_DEPTH = 64;
const MAX_NODES = 200_000;

export type Parsed =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: string };

/**
 * Parses a signed body once, within limits: valid UTF-8, an object, at most 64 levels and 200,000
 * nodes, no key twice in one object (of two equal keys one reader takes the first and another the
 * last). JSON.parse itself does not recurse, but whoever walks its result does.
 */
export function parseBody(body: Buffer): Parsed {
  if (!isUtf8(body)) {
    return { ok: false, reason: "The body is not valid UTF-8." };
  }
  const scan = scanned(body);
  if (scan === null) {
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
  if (!isObject(value)) {
    return { ok: false, reason: "The body is not a JSON object." };
  }
  return scan.isSuspect && membersOf(value) !== scan.members
    ? { ok: false, reason: "The body has a key twice in one object." }
    : { ok: true, value };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

interface Scan {
  /** `"key":` in the whole text. */
  readonly members: number;
  /** A key may be there twice: counting the members of what was parsed decides. */
  readonly isSuspect: boolean;
}

/** A set of hashes of keys that is emptied by a new generation. Half full it is given up: counting then decides. */
const SLOTS = 4096;
const hashes = new Int32Array(SLOTS);
const generations = new Int32Array(SLOTS);
let generation = 0;

/**
 * Reads the limits off the bytes, outside of strings: brackets are levels, and every value but the
 * first of its list or object follows a comma. Walking the parsed value instead was a quarter of the
 * processor that an event costs the intake, and it comes too late for what parsing itself allocates.
 * Keys are hashed with the number of their object on the way; two equal hashes, or a key with an
 * escape (it may spell another), make the body suspect. @returns null beyond the limits
 */
function scanned(body: Buffer): Scan | null {
  const objects = new Int32Array(MAX_DEPTH + 1);
  let depth = 0;
  let nodes = 0;
  let members = 0;
  let opened = 0;
  let isKey = false;
  let isSuspect = false;
  generation = (generation + 1) | 0;
  for (let at = 0; at < body.length; at += 1) {
    switch (body[at]) {
      case QUOTE:
        if (isKey) {
          const end = endOfString(body, at);
          members += 1;
          isSuspect ||=
            members > SLOTS / 2 || isKnown(hashOfKey(body, at + 1, end, objects[depth] ?? 0));
          isKey = false;
          at = end;
        } else {
          at = endOfString(body, at);
        }
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth += 1;
        nodes += 1;
        if (depth > MAX_DEPTH) {
          return null;
        }
        isKey = body[at] === OPEN_OBJECT;
        opened += 1;
        objects[depth] = isKey ? opened : 0;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth -= 1;
        isKey = false;
        break;
      case COMMA:
        nodes += 1;
        isKey = (objects[depth] ?? 0) > 0;
        break;
      default:
    }
  }
  return nodes > MAX_NODES ? null : { members, isSuspect };
}

/** FNV-1a over the key's bytes and the number of its object; nought where an escape may spell another key. */
function hashOfKey(body: Buffer, from: number, to: number, object: number): number {
  let hash = Math.imul(object, 0x9e3779b1);
  for (let at = from; at < to; at += 1) {
    const byte = body[at] ?? BACKSLASH;
    if (byte === BACKSLASH) {
      return 0;
    }
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash;
}

/** Whether this generation had the hash already; it has it from now on. */
function isKnown(hash: number): boolean {
  if (hash === 0) {
    return true;
  }
  let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  while (generations[slot] === generation) {
    if (hashes[slot] === hash) {
      return true;
    }
    slot = (slot + 1) & (SLOTS - 1);
  }
  generations[slot] = generation;
  hashes[slot] = hash;
  return false;
}

/** Members of all objects in a parsed value of at most 64 levels: fewer than in its text where a key was there twice. */
function membersOf(value: unknown): number {
  if (typeof value !== "object" || value === null) {
    return 0;
  }
  const inner: readonly unknown[] = Object.values(value);
  return inner.reduce<number>(
    (sum, each) => sum + membersOf(each),
    Array.isArray(value) ? 0 : inner.length,
  );
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
