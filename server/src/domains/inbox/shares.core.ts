import type { Lane } from "./ports.ts";

/** Parts of a batch that a lane has for itself while others have work too. Lane 0 goes before everything. */
const RESERVED: Readonly<Record<Lane, number>> = { 0: 1, 1: 0.5, 5: 0.35, 9: 0.05 };
/** Workspaces looked at in one claim; the rest have their turn in the next. */
const MAX_TRIPLES = 64;
/** A workspace may be scanned this much deeper than its even part, to fill up where others have little. */
const DEPTH = 4;

/** A place where work waits: one lane of one provider in one workspace. */
export interface Triple {
  readonly lane: Lane;
  readonly provider: number;
  readonly workspaceId: number;
}

export interface Window<T extends Triple> {
  readonly triple: T;
  /** Rows to look at. */
  readonly take: number;
  /** Rows that are this place's own before anybody else's. */
  readonly share: number;
}

export interface Valve {
  readonly maxConcurrency: number | null;
  readonly ratePerS: number | null;
  readonly paused: boolean;
}

/**
 * Divides a batch of `total` events over the places with work: reserved parts by lane, evenly over the
 * workspaces of a lane, never above what `allowance` (valves, rates) lets through. `turn` rotates the
 * places, so that beyond 64 of them each is looked at in its turn.
 */
export function shareOut<T extends Triple>(
  places: readonly T[],
  total: number,
  allowance: (triple: T) => number,
  turn: number,
): readonly Window<T>[] {
  const open = places.filter((place) => allowance(place) >= 1);
  const chosen = rotate(open, turn).slice(0, MAX_TRIPLES);
  const lanes = new Map<Lane, number>();
  for (const place of chosen) {
    lanes.set(place.lane, (lanes.get(place.lane) ?? 0) + 1);
  }
  const others = [...lanes.keys()]
    .filter((lane) => lane !== 0)
    .reduce((sum, lane) => sum + RESERVED[lane], 0);
  return chosen.map((triple) => {
    const part = triple.lane === 0 ? total : (total * RESERVED[triple.lane]) / others;
    const share = Math.max(1, Math.ceil(part / (lanes.get(triple.lane) ?? 1)));
    const even = Math.ceil(total / (lanes.get(triple.lane) ?? 1));
    const allowed = Math.floor(allowance(triple));
    return {
      triple,
      take: Math.max(1, Math.min(total, even * DEPTH, allowed)),
      share: Math.min(share, allowed),
    };
  });
}

function rotate<T>(list: readonly T[], turn: number): readonly T[] {
  if (list.length <= MAX_TRIPLES) {
    return list;
  }
  const from = (turn * MAX_TRIPLES) % list.length;
  return [...list.slice(from), ...list.slice(0, from)];
}

/** Tokens of a rate limit: refilled by time, at most one second's worth, at least one event. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export function refill(bucket: Bucket | undefined, ratePerS: number, nowMs: number): Bucket {
  const most = Math.max(1, ratePerS);
  if (bucket === undefined) {
    return { tokens: most, atMs: nowMs };
  }
  return {
    tokens: Math.min(most, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * ratePerS),
    atMs: nowMs,
  };
}

/** Batch size that gives way to trouble: halved by a failed batch, a tenth more after each good one. */
export function nextBudget(budget: number, outcome: "good" | "bad", most: number): number {
  return outcome === "bad"
    ? Math.max(10, Math.floor(budget / 2))
    : Math.min(most, Math.ceil(budget * 1.1));
}
