import type { Snapshot, Stamp } from "./model.ts";
import { type Law, type Standing, eventIdOf, place } from "./stamp.core.ts";

/**
 * A row as the fold sees it. `text` is the snapshot as JSON: as it was read, parsed only when something
 * must be compared, or "" where the snapshot is newer than that and not written yet (see `textOf`).
 */
export interface Held<S extends Snapshot> extends Standing {
  readonly text: string;
  readonly snapshot: S | null;
}

const NOTHING_HELD: Standing & { readonly text: string; readonly snapshot: null } = {
  watermark: "",
  fetchedThrough: 0,
  text: "",
  snapshot: null,
};

export type Changed = Readonly<Record<string, readonly [unknown, unknown]>>;

export interface Folded<S extends Snapshot> {
  readonly held: Held<S>;
  readonly verdict: "newer" | "older" | "same";
  /** The place of the snapshot, whether or not it became the row. */
  readonly watermark: string;
  readonly unsettled: boolean;
  /** The event that stands in the way of an older one. */
  readonly by: string | null;
  /** Empty for the first snapshot of an object: everything is new. */
  readonly changed: Changed;
}

/** Takes one snapshot into a row: `(row, snapshot) -> row`, in any order, as often as it comes. */
export function fold<S extends Snapshot>(
  law: Law<S>,
  held: Held<S> | null,
  incoming: { readonly stamp: Stamp; readonly snapshot: S; readonly text: string },
): Folded<S> {
  const { stamp, snapshot } = incoming;
  const isFirst = held === null || held.watermark === "";
  const found = place(
    law,
    isFirst ? null : { ...held, snapshot: () => snapshotOf(held) ?? snapshot },
    incoming,
  );
  if (found.verdict !== "newer") {
    return {
      held: held ?? { ...NOTHING_HELD },
      verdict: found.verdict,
      watermark: found.watermark,
      unsettled: found.unsettled,
      by: held === null ? null : eventIdOf(held.watermark),
      changed: {},
    };
  }
  const before = isFirst ? null : snapshotOf(held);
  return {
    held: {
      watermark: found.watermark,
      fetchedThrough: stamp.fetchedAtSeconds ?? held?.fetchedThrough ?? 0,
      text: incoming.text,
      snapshot,
    },
    verdict: "newer",
    watermark: found.watermark,
    unsettled: found.unsettled,
    by: null,
    changed: before === null ? {} : changesBetween(before, snapshot),
  };
}

function snapshotOf<S extends Snapshot>(held: Held<S>): S | null {
  if (held.snapshot !== null || held.text === "") {
    return held.snapshot;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by this program as JSON of exactly this type
  return JSON.parse(held.text) as S;
}

/** Both lists or objects with the same JSON. Empty lists, the most common of them, need none. */
function sameValue(was: unknown, value: unknown): boolean {
  if (typeof was !== "object" || typeof value !== "object" || was === null || value === null) {
    return false;
  }
  if (Array.isArray(was) && Array.isArray(value)) {
    if (was.length !== value.length) {
      return false;
    }
    if (was.length === 0) {
      return true;
    }
  }
  return JSON.stringify(was) === JSON.stringify(value);
}

/** field -> [before, after] for every field that differs, in the words of the snapshot. */
export function changesBetween<S extends Snapshot>(before: S, after: S): Changed {
  const changed: Record<string, readonly [unknown, unknown]> = {};
  const old: Readonly<Record<string, unknown>> = { ...before };
  const fresh: Readonly<Record<string, unknown>> = { ...after };
  // Keys and not entries: a pair for each of twenty fields of each event is most of what this would cost.
  for (const field of Object.keys(fresh)) {
    const was = old[field];
    const value = fresh[field];
    if (was !== value && !sameValue(was, value)) {
      changed[field] = [was ?? null, value];
    }
  }
  return changed;
}
