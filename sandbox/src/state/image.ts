import type { Task } from "#sandbox/agenda.ts";
import type { Moment } from "#sandbox/clock.ts";
import type { Kept } from "#sandbox/http/idempotency.ts";
import type { DeliveryJob, Duty, Settings, StoredEvent } from "#sandbox/stripe/world.ts";

export const FORMAT = "purser-sandbox";
/** Raised whenever an older file could not be understood any more. */
export const VERSION = 1;

export type Entries = readonly (readonly [string, unknown])[];

/** A world at one instant, made of nothing but JSON. */
export interface Image {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly seed: number;
  readonly moment: Moment;
  /** Written at the end of a run: nothing happened after it. */
  readonly clean: boolean;
  readonly random: number;
  readonly emitted: number;
  readonly settings: Settings;
  readonly scenario: { readonly name: string; readonly rate: number } | null;
  /** The endpoint of --webhook-url, whose address and secret follow the command line. */
  readonly ownEndpoint: string | null;
  readonly tables: Readonly<Record<string, Entries>>;
  readonly secrets: Readonly<Record<string, Entries>>;
  readonly events: readonly StoredEvent[];
  readonly agenda: readonly Task<Duty>[];
  readonly pending: readonly DeliveryJob[];
  readonly idempotency: readonly (readonly [string, Kept])[];
  /** The last member: a file without it was cut short. */
  readonly end: true;
}

/** Long members are written item by item, so that a big world never becomes one long string. */
const PIECE = 64 * 1024;

/** The image as JSON in pieces of about 64 KiB, one item to a line. */
export function* writeImage(image: Image): Generator<string> {
  let piece = "{";
  let comma = "";
  for (const [name, value] of Object.entries(image)) {
    piece += `${comma}${JSON.stringify(name)}:`;
    comma = ",\n";
    for (const part of writeValue(value)) {
      piece += part;
      if (piece.length > PIECE) {
        yield piece;
        piece = "";
      }
    }
  }
  yield `${piece}}\n`;
}

function* writeValue(value: unknown): Generator<string> {
  if (!Array.isArray(value)) {
    yield* isHash(value) && Object.values(value).every(Array.isArray)
      ? writeGroups(value)
      : [JSON.stringify(value)];
    return;
  }
  yield "[";
  let comma = "\n";
  for (const item of value) {
    yield comma + JSON.stringify(item);
    comma = ",\n";
  }
  yield "]";
}

function* writeGroups(groups: object): Generator<string> {
  yield "{";
  let comma = "";
  for (const [name, list] of Object.entries(groups)) {
    yield `${comma}${JSON.stringify(name)}:`;
    yield* writeValue(list);
    comma = ",\n";
  }
  yield "}";
}

/** Why a file is no image of ours, or the image. Our own writing is trusted below the first level. */
export function readImage(text: string): Image | { readonly refusal: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { refusal: "it is not complete JSON" };
  }
  if (!isHash(value) || memberOf(value, "format") !== FORMAT) {
    return { refusal: "it is not a sandbox's state" };
  }
  const version = memberOf(value, "version");
  if (version !== VERSION) {
    return { refusal: `it is of version ${String(version)}; this sandbox reads ${VERSION}` };
  }
  return isImage(value) ? value : { refusal: "members are missing or of another kind" };
}

function isImage(value: object): value is Image {
  const lists = ["events", "agenda", "pending", "idempotency"];
  const groups = ["tables", "secrets"];
  const hashes = ["moment", "settings"];
  const numbers = ["seed", "random", "emitted"];
  return (
    lists.every((name) => Array.isArray(memberOf(value, name))) &&
    groups.every((name) => isGroup(memberOf(value, name))) &&
    hashes.every((name) => isHash(memberOf(value, name))) &&
    numbers.every((name) => typeof memberOf(value, name) === "number") &&
    memberOf(value, "end") === true
  );
}

function isGroup(value: unknown): boolean {
  return isHash(value) && Object.values(value).every((list) => isEntries(list));
}

function isEntries(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) => Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string",
    )
  );
}

function isHash(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function memberOf(value: object, name: string): unknown {
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
