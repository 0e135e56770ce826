import { setTimeout as sleep } from "node:timers/promises";

import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";

import type { Anchor, EntryText, Seal, SegmentText } from "./model.ts";
import type { AnchorStore, SealKey } from "./ports.ts";
import { CHAIN_START, makeSeal } from "./seal.core.ts";
import {
  holdWriters,
  type Place,
  readHead,
  readNewEntries,
  readNewSegments,
  readSealerState,
  readSeals,
  saveSeal,
  saveSealerState,
  type SealerState,
} from "./store.ts";

export interface SealerDeps {
  /** Connections of the role purser_audit. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly key: SealKey;
  readonly anchors: AnchorStore;
  readonly onError: (error: unknown) => void;
  /** Lines in one seal at most. */
  readonly batch?: number;
}

export interface Sealer {
  /** Seals all that has committed; returns how many seals it made. */
  pass(): Promise<number>;
}

/** One sealer at a time; the others pass by. */
const SEALER_LOCK = 7_265_010;
const BATCH = 5_000;
/** An idle sealer still says every so often that it lives. */
const HEARTBEAT_MS = 5_000;

interface Group {
  readonly entries: EntryText[];
  readonly segments: SegmentText[];
}

function groupByWorkspace(
  entries: readonly EntryText[],
  segments: readonly SegmentText[],
): ReadonlyMap<number, Group> {
  const groups = new Map<number, Group>();
  const groupOf = (workspaceId: number): Group => {
    const group = groups.get(workspaceId) ?? { entries: [], segments: [] };
    groups.set(workspaceId, group);
    return group;
  };
  for (const entry of entries) {
    groupOf(entry.workspaceId).entries.push(entry);
  }
  for (const segment of segments) {
    groupOf(segment.workspaceId).segments.push(segment);
  }
  return groups;
}

function placeAfter(rows: readonly Place[], before: Place): Place {
  const last = rows.at(-1);
  return last === undefined ? before : { workspaceId: last.workspaceId, id: last.id };
}

async function sealGroups(
  tx: Tx,
  deps: SealerDeps,
  groups: ReadonlyMap<number, Group>,
  now: Date,
): Promise<readonly Seal[]> {
  const made: Seal[] = [];
  const stamp = { sealedAt: now.toISOString().replace("Z", "000Z"), keyId: deps.key.id };
  for (const [workspaceId, group] of groups) {
    const head = (await readHead(tx, workspaceId)) ?? { n: 0, hash: CHAIN_START };
    const unsigned = makeSeal({ workspaceId, ...head }, group.entries, group.segments, stamp);
    const seal = { ...unsigned, signature: deps.key.sign(unsigned.hash) };
    await saveSeal(tx, seal);
    made.push(seal);
  }
  return made;
}

async function sealNew(
  tx: Tx,
  deps: SealerDeps,
  state: SealerState,
  now: Date,
): Promise<readonly Seal[]> {
  const limit = deps.batch ?? BATCH;
  const made: Seal[] = [];
  let entryPlace: Place = { workspaceId: 0, id: 0 };
  let segmentPlace: Place = { workspaceId: 0, id: 0 };
  for (;;) {
    const entries = await readNewEntries(tx, state, entryPlace, limit);
    const segments = await readNewSegments(tx, state, segmentPlace, limit);
    if (entries.length === 0 && segments.length === 0) {
      return made;
    }
    entryPlace = placeAfter(entries, entryPlace);
    segmentPlace = placeAfter(segments, segmentPlace);
    made.push(...(await sealGroups(tx, deps, groupByWorkspace(entries, segments), now)));
  }
}

function anchorOf(seal: Seal): Anchor {
  return { workspaceId: seal.workspaceId, n: seal.n, hash: seal.hash.toString("hex") };
}

async function allWorkspaces(pool: Pool): Promise<readonly number[]> {
  const found = await pool.query<{ id: number }>("select id from workspaces order by id");
  return found.rows.map((row) => row.id);
}

/** Seals of earlier lives of this process that no anchor names: it died between its commit and the file. */
async function missingAnchors(
  deps: SealerDeps,
  workspaces: readonly number[],
): Promise<readonly Anchor[]> {
  const missing: Anchor[] = [];
  for (const workspaceId of workspaces) {
    const written = await deps.anchors.read(workspaceId);
    const from = 1 + Math.max(0, ...written.slice(-1000).map((anchor) => anchor.n));
    const seals = await inTx(deps.pool, [workspaceId], (tx) =>
      readSeals(tx, workspaceId, { from, limit: 100_000 }),
    );
    missing.push(...seals.map(anchorOf));
  }
  return missing;
}

/**
 * Takes the committed lines (and the digests of inbox segments) of every workspace, chains them under
 * a signed Merkle root and writes the root outside the database. What has committed is told by
 * snapshots: a pass seals what it sees and the pass before did not. So a line that commits late with a
 * low number is sealed late, and a transaction that somebody leaves open, in whatever database of the
 * cluster, holds back nothing but its own lines.
 */
export function createSealer(deps: SealerDeps): Sealer {
  const unanchored: Anchor[] = [];
  let caughtUp = false;
  let passedAtMs = Number.NEGATIVE_INFINITY;
  const writeAnchors = async (): Promise<void> => {
    if (unanchored.length > 0) {
      await deps.anchors.append(unanchored);
      unanchored.length = 0;
    }
  };
  return {
    pass: async () => {
      const now = deps.clock.now();
      const workspaces = await allWorkspaces(deps.pool);
      if (!caughtUp) {
        unanchored.push(...(await missingAnchors(deps, workspaces)));
        caughtUp = true;
      }
      const seals = await inTx(deps.pool, workspaces, async (tx) => {
        const lock = await tx.client.query<{ mine: boolean }>(
          "select pg_try_advisory_xact_lock($1) as mine",
          [SEALER_LOCK],
        );
        const found = lock.rows[0]?.mine === true ? await readSealerState(tx) : null;
        if (found === null) {
          return [];
        }
        const state = found.restored ? await holdWriters(tx, found) : found;
        const made = await sealNew(tx, deps, state, now);
        const nowMs = deps.clock.monotonicMs();
        if (made.length > 0 || state.restored || nowMs - passedAtMs >= HEARTBEAT_MS) {
          await saveSealerState(tx, state, now);
          passedAtMs = nowMs;
        }
        return made;
      });
      unanchored.push(...seals.map(anchorOf));
      await writeAnchors();
      return seals.length;
    },
  };
}

/** Runs passes until stopped; a failing pass is reported and tried again, ever more slowly up to half a minute. */
export function startSealer(deps: SealerDeps, intervalMs = 1_000): { stop(): Promise<void> } {
  const sealer = createSealer(deps);
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    let waitMs = intervalMs;
    while (!stopping.signal.aborted) {
      try {
        await sealer.pass();
        waitMs = intervalMs;
      } catch (error) {
        deps.onError(error);
        waitMs = Math.min(waitMs * 2, 30_000);
      }
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
