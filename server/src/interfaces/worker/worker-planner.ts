import type { Pool } from "pg";

import type { Batch, Claims, Look, Place } from "#domains/inbox/claims.ts";
import { LANES, type Lane, type Provider, providerOf, PROVIDERS } from "#domains/inbox/ports.ts";
import { type Bucket, refill, shareOut, type Valve } from "#domains/inbox/shares.core.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

const TEND_MS = 1_000;
/** An event of lane 5 that waits longer than this goes with lane 1. */
const AGED_MS = 300_000;
/** An event whose parent is unknown is given up after a day. */
const PATIENCE = "24 hours";
/** Looking for places anew costs a scan over dead rows; it may take at most a twentieth of the time. */
const DISCOVER_SHARE = 20;
/** A window this full of busy keys hides the work behind it. */
const CROWDED = 0.75;
const DUE_KEYS = 20;
const DUE_EVENTS = 50;

export interface Planner {
  /** The next batch, or null when there is nothing that may be done now. One caller at a time; others queue. */
  claim(budget: number): Promise<Batch | null>;
  /** Waits for a hint, at most so long. */
  idle(ms: number): Promise<void>;
  wake(): void;
  /** Told after a batch whether it parked a key. */
  troubled(parked: boolean): void;
  stop(): Promise<void>;
}

interface TendRow {
  readonly troubled: boolean;
  readonly suspects: boolean;
  readonly next_id: number;
  readonly taken_over: number;
  readonly given_up: number;
  readonly unstuck: number;
}

interface PlannerOptions {
  readonly pool: Pool;
  readonly claims: Claims;
  readonly clock: Clock;
  readonly log: Log;
  readonly providers: readonly Provider[];
}

interface State {
  readonly options: PlannerOptions;
  readonly places: Map<string, Place>;
  readonly valves: Map<number, Valve>;
  readonly buckets: Map<number, Bucket>;
  readonly ages: { readonly atMs: number; readonly id: number }[];
  readonly projected: ReadonlySet<number>;
  workers: number;
  turn: number;
  troubled: boolean;
  suspects: boolean;
  discoverAtMs: number;
  tendAtMs: number;
  released: boolean;
  hinted: boolean;
}

/** Decides what a worker does next: which places, how much of each, first tries before retries, suspects alone. */
export function startPlanner(options: PlannerOptions): Planner {
  const state: State = {
    options,
    places: new Map(),
    valves: new Map(),
    buckets: new Map(),
    ages: [],
    projected: new Set(options.providers.map((provider) => PROVIDERS[provider])),
    workers: 1,
    turn: 0,
    troubled: true,
    suspects: true,
    discoverAtMs: 0,
    tendAtMs: 0,
    released: false,
    hinted: false,
  };
  let queue: Promise<unknown> = Promise.resolve();
  const sleepers: (() => void)[] = [];
  return {
    claim: (budget) => {
      const next = queue.then(() => claimNext(state, budget));
      queue = next.catch(() => undefined);
      return next;
    },
    idle: (ms) =>
      new Promise((resolve) => {
        if (state.hinted) {
          state.hinted = false;
          resolve();
          return;
        }
        const timer = setTimeout(resolve, ms);
        sleepers.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
    wake: () => {
      state.discoverAtMs = 0;
      state.hinted = sleepers.length === 0;
      for (const wake of sleepers.splice(0)) {
        wake();
      }
    },
    troubled: (parked) => {
      state.troubled ||= parked;
    },
    stop: async () => {
      await queue;
    },
  };
}

async function claimNext(state: State, budget: number): Promise<Batch | null> {
  const nowMs = state.options.clock.monotonicMs();
  if (nowMs >= state.tendAtMs) {
    await tend(state);
    state.tendAtMs = nowMs + TEND_MS;
  }
  if (nowMs >= state.discoverAtMs) {
    await discover(state);
    const tookMs = state.options.clock.monotonicMs() - nowMs;
    state.discoverAtMs = nowMs + Math.max(TEND_MS, tookMs * DISCOVER_SHARE);
  }
  state.turn += 1;
  const closed = closedCodes(state, nowMs);
  // First tries before retries: what is due again gets every fourth turn, or whatever is left.
  if (state.turn % 4 === 0) {
    return (await claimDue(state, closed)) ?? claimFresh(state, budget, closed);
  }
  return (await claimFresh(state, budget, closed)) ?? claimDue(state, closed);
}

/** A claim that met nothing but busy keys looks further on, so many times before it parks what it met. */
const LOOKS = 4;

async function claimFresh(
  state: State,
  budget: number,
  closed: readonly number[],
): Promise<Batch | null> {
  for (let look = 1; ; look += 1) {
    const { batch, further } = await lookOnce(state, { budget, closed, last: look === LOOKS });
    if (batch !== null || !further) {
      return batch;
    }
  }
}

async function lookOnce(
  state: State,
  wish: {
    readonly budget: number;
    readonly closed: readonly number[];
    readonly last: boolean;
  },
): Promise<{ readonly batch: Batch | null; readonly further: boolean }> {
  const { budget, closed } = wish;
  const nowMs = state.options.clock.monotonicMs();
  const windows = shareOut(
    [...state.places.values()],
    budget,
    (place) => allowance(state, place, nowMs),
    state.turn,
  );
  if (windows.length === 0) {
    return { batch: null, further: false };
  }
  const { batch, looks } = await state.options.claims.fresh(windows, {
    total: budget,
    agedId: agedId(state),
    closed,
  });
  const byPlace = new Map(looks.map((look) => [look.place, look]));
  let crowded: Look | null = null;
  let further = false;
  for (const { triple, take } of windows) {
    const look = byPlace.get(triple);
    const from = triple.cursor;
    moveOn(state, triple, { look, take });
    further ||= triple.cursor !== from;
    if (look !== undefined) {
      const isFull = look.busy > CROWDED * Math.min(look.seen, budget);
      crowded = look.troubled > 0 || (isFull && (wish.last || !further)) ? look : crowded;
    }
  }
  if (crowded !== null) {
    await state.options.claims.park(crowded, { limit: 2_000, leased: crowded.troubled === 0 });
    state.troubled = true;
  }
  spend(state, batch);
  return { batch, further: further && !wish.last };
}

/**
 * Where the next claim begins. The floor rises over what is gone for good. While a window is full, the
 * backlog is deep, and the next claim begins behind it: what it would meet there is in work already.
 * What was passed over because its key was busy is met again when the cursor falls back, at the end of
 * the backlog or after a second.
 */
function moveOn(
  state: State,
  place: Place,
  seen: { readonly look: Look | undefined; readonly take: number },
): void {
  const { look, take } = seen;
  if (look === undefined && place.cursor === 0) {
    state.places.delete(placeKey(place));
    return;
  }
  if (look !== undefined && place.cursor === 0) {
    place.floor = Math.max(place.floor, look.firstId - 1);
  }
  place.cursor = look !== undefined && look.seen >= take ? Math.max(place.cursor, look.lastId) : 0;
}

async function claimDue(state: State, closed: readonly number[]): Promise<Batch | null> {
  if (state.suspects) {
    const alone = await state.options.claims.due({ alone: true, keys: 1, events: 1, closed });
    state.suspects = alone !== null;
    if (alone !== null) {
      return alone;
    }
  }
  if (!state.troubled) {
    return null;
  }
  const due = await state.options.claims.due({
    alone: false,
    keys: DUE_KEYS,
    events: DUE_EVENTS,
    closed,
  });
  state.troubled = due !== null;
  spend(state, due);
  return due;
}

/** Once a second: the dead, the waiting, the valves, how many workers there are. */
async function tend(state: State): Promise<void> {
  const { pool, clock, claims, log } = state.options;
  const now = clock.now();
  if (!state.released) {
    await claims.release([...state.projected]);
    state.released = true;
  }
  const tended = (
    await pool.query<TendRow>("select * from inbox_tend($1, $2::interval)", [now, PATIENCE])
  ).rows[0];
  if (tended !== undefined) {
    state.troubled ||= tended.troubled;
    state.suspects ||= tended.suspects;
    state.ages.push({ atMs: clock.monotonicMs(), id: tended.next_id });
    if (tended.taken_over > 0 || tended.given_up > 0 || tended.unstuck > 0) {
      log.warn(
        { ...tended },
        "Tended the inbox: keys taken over from the dead, events given up or freed.",
      );
    }
  }
  const rows = await pool.query<{
    provider: number;
    lane: number;
    max_concurrency: number | null;
    rate_per_s: number | null;
    paused: boolean;
  }>("select provider, lane, max_concurrency, rate_per_s, paused from inbox_controls");
  state.valves.clear();
  for (const row of rows.rows) {
    state.valves.set(row.provider * 16 + row.lane, {
      maxConcurrency: row.max_concurrency,
      ratePerS: row.rate_per_s,
      paused: row.paused,
    });
  }
  const alive = await pool.query<{ n: number }>(
    "select count(*) as n from inbox_nodes where kind = 'worker' and seen_at > $1::timestamptz - interval '10 s'",
    [now],
  );
  state.workers = Math.max(1, alive.rows[0]?.n ?? 1);
}

async function discover(state: State): Promise<void> {
  for (const found of await state.options.claims.discover()) {
    const lane = LANES.find((known) => known === found.lane) ?? 5;
    const place: Place = {
      lane,
      provider: found.provider,
      workspaceId: found.workspace_id,
      floor: found.event_id - 1,
      cursor: 0,
    };
    if (state.projected.has(found.provider)) {
      // Also below the floor: ids are given out before they are committed, so a late one can be lower than what was seen.
      const known = state.places.get(placeKey(place));
      if (known === undefined) {
        state.places.set(placeKey(place), place);
      } else {
        known.floor = Math.min(known.floor, place.floor);
        known.cursor = 0;
      }
    } else {
      await state.options.claims.hold(place);
      state.options.log.info(
        { provider: providerOf(found.provider), workspace: found.workspace_id },
        "Events are held until their room exists.",
      );
    }
  }
}

function placeKey(place: {
  readonly lane: Lane;
  readonly provider: number;
  readonly workspaceId: number;
}): string {
  return `${String(place.lane)}:${String(place.provider)}:${String(place.workspaceId)}`;
}

function codeOf(place: { readonly lane: Lane; readonly provider: number }): number {
  return place.lane + place.provider * 16;
}

/** Events of a place that may be claimed now: valves are of the whole installation, so each worker has its part. */
function allowance(state: State, place: Place, nowMs: number): number {
  const valve = state.valves.get(codeOf(place));
  if (valve === undefined) {
    return Number.POSITIVE_INFINITY;
  }
  if (valve.paused) {
    return 0;
  }
  const concurrency =
    valve.maxConcurrency === null
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor(valve.maxConcurrency / state.workers));
  return Math.min(concurrency, tokens(state, codeOf(place), valve, nowMs));
}

function tokens(state: State, code: number, valve: Valve, nowMs: number): number {
  if (valve.ratePerS === null) {
    return Number.POSITIVE_INFINITY;
  }
  const bucket = refill(state.buckets.get(code), valve.ratePerS / state.workers, nowMs);
  state.buckets.set(code, bucket);
  return bucket.tokens;
}

function spend(state: State, batch: Batch | null): void {
  for (const event of batch?.events ?? []) {
    const code = codeOf({ lane: event.lane, provider: PROVIDERS[event.provider] });
    const bucket = state.buckets.get(code);
    if (bucket !== undefined) {
      state.buckets.set(code, { ...bucket, tokens: bucket.tokens - 1 });
    }
  }
}

/** (lane, provider) that must not be touched, also not as an older event of a key that is. Coded as the claim wants it. */
function closedCodes(state: State, nowMs: number): readonly number[] {
  return [...state.valves]
    .filter(([code, valve]) => valve.paused || tokens(state, code, valve, nowMs) < 1)
    .map(([code]) => (code % 16) * 16 + Math.floor(code / 16));
}

/** The id that was newest five minutes ago: older ones of lane 5 have waited long enough. */
function agedId(state: State): number {
  const threshold = state.options.clock.monotonicMs() - AGED_MS;
  let aged = 0;
  while (state.ages[0] !== undefined && state.ages[0].atMs <= threshold) {
    aged = state.ages[0].id;
    if (state.ages[1] === undefined || state.ages[1].atMs > threshold) {
      break;
    }
    state.ages.shift();
  }
  return aged;
}
