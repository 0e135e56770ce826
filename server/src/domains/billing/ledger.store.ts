import { int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Tx } from "#platform/db/tx.ts";

import { type Changed, type Folded, type Held, fold } from "./fold.core.ts";
import type { Change, Snapshot } from "./model.ts";
import type { Law } from "./stamp.core.ts";

/** A row of one object while a batch is folded into it. */
export interface Entry<S extends Snapshot, Extra> {
  readonly workspaceId: number;
  readonly key: string;
  held: Held<S> | null;
  /** The event (or fetch) behind the row as it stands. */
  source: string;
  /** Ours, in milliseconds. */
  syncedAtMs: number;
  extra: Extra;
  dirty: boolean;
  isNew: boolean;
}

export interface Outcome {
  readonly fate: "applied" | "superseded" | "waiting";
  readonly by: string | null;
  readonly reason: string | null;
  readonly changed: Changed;
  /** The first that was ever known of the object. */
  readonly first: boolean;
  readonly organizationId: string | null;
  /** Ask the provider which of two is right. */
  readonly unsettled: boolean;
}

/** Refs as a map key; a space cannot be in a provider's id. */
export function keyOf(workspaceId: number, id: string): string {
  return `${workspaceId} ${id}`;
}

/** Distinct objects of the changes, in the order of their keys: everybody locks in this order. */
export function refsOf(
  changes: readonly {
    readonly stamp: { readonly workspaceId: number };
    readonly snapshot: { readonly id: string };
  }[],
): { workspaces: number[]; ids: string[] } {
  const seen = new Map<string, { workspaceId: number; id: string }>();
  for (const { stamp, snapshot } of changes) {
    seen.set(keyOf(stamp.workspaceId, snapshot.id), {
      workspaceId: stamp.workspaceId,
      id: snapshot.id,
    });
  }
  const refs = [...seen.values()].toSorted((a, b) =>
    a.id < b.id ? -1 : a.id > b.id ? 1 : a.workspaceId - b.workspaceId,
  );
  return { workspaces: refs.map((ref) => ref.workspaceId), ids: refs.map((ref) => ref.id) };
}

/** One row of a locking read: the first six columns are the same for every table. */
export type LoadedRow = readonly [
  workspaceId: number,
  key: string,
  watermark: string,
  fetchedThrough: number,
  snapshot: string,
  source: string,
  ...rest: unknown[],
];

/** Reads and locks the rows of a batch in one statement, in the order of `refs` (see `refsOf`). */
export async function loadEntries<S extends Snapshot, Extra>(
  tx: Tx,
  table: { readonly name: string; readonly key: string; readonly columns: readonly string[] },
  refs: { readonly workspaces: readonly number[]; readonly ids: readonly string[] },
  extraOf: (rest: readonly unknown[]) => Extra,
): Promise<Map<string, Entry<S, Extra>>> {
  const entries = new Map<string, Entry<S, Extra>>();
  if (refs.ids.length === 0) {
    return entries;
  }
  const more = table.columns.map((column) => `, ${column}`).join("");
  const result = await tx.client.query<LoadedRow[]>({
    name: `load_${table.name}`,
    // Lateral with a limit forces one index probe per key. A plain join, planned while the table was small,
    // takes the policy's workspace condition for the index and reads the whole workspace: 142 ms instead of 4.
    text:
      `select t.* from unnest($1::int4[], $2::text[]) as k (w, id) cross join lateral (` +
      `select workspace_id, ${table.key}, watermark, fetched_through, snapshot, source${more} from ${table.name}` +
      ` where workspace_id = k.w and ${table.key} = k.id limit 1 for no key update) as t`,
    values: [int4Array(refs.workspaces), textArray(refs.ids)],
    rowMode: "array",
  });
  for (const raw of result.rows) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rowMode "array" gives the columns selected above, in order
    const row = raw as unknown as LoadedRow;
    const [workspaceId, key, watermark, fetchedThrough, text, source, ...rest] = row;
    entries.set(keyOf(workspaceId, key), {
      workspaceId,
      key,
      held: { watermark, fetchedThrough, text, snapshot: null },
      source,
      syncedAtMs: 0,
      extra: extraOf(rest),
      dirty: false,
      isNew: false,
    });
  }
  return entries;
}

/** Folds one change into its entry, making the entry where there is none. */
export function foldInto<S extends Snapshot, Extra>(
  entries: Map<string, Entry<S, Extra>>,
  law: Law<S>,
  change: Change<S>,
  fresh: () => Extra,
): { readonly entry: Entry<S, Extra>; readonly folded: Folded<S> } {
  const { stamp, snapshot } = change;
  const key = keyOf(stamp.workspaceId, snapshot.id);
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = {
      workspaceId: stamp.workspaceId,
      key: snapshot.id,
      held: null,
      source: "",
      syncedAtMs: 0,
      extra: fresh(),
      dirty: false,
      isNew: true,
    };
    entries.set(key, entry);
  }
  const folded = fold(law, entry.held, { stamp, snapshot, text: "" });
  if (folded.verdict === "newer") {
    entry.held = folded.held;
    entry.source = stamp.eventId;
    entry.syncedAtMs = stamp.receivedAtMs;
    entry.dirty = true;
  }
  return { entry, folded };
}

/** What the fold's verdict means for the event. */
export function outcomeOf(
  folded: Folded<Snapshot>,
  first: boolean,
  organizationId: string | null,
): Outcome {
  if (folded.verdict === "older") {
    return {
      fate: "superseded",
      by: folded.by,
      reason: folded.unsettled
        ? "Of the same second as the state in force; the provider is asked which is later."
        : "A later state was known already.",
      changed: {},
      first: false,
      organizationId,
      unsettled: folded.unsettled,
    };
  }
  return {
    fate: "applied",
    by: null,
    reason: folded.unsettled
      ? "Of the same second as another state; the provider is asked which is later."
      : null,
    changed: folded.changed,
    first,
    organizationId,
    unsettled: folded.unsettled,
  };
}
