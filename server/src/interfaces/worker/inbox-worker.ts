import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Pool } from "pg";

import { applyBatch } from "#domains/inbox/apply.ts";
import { type Batch, type Claimed, type Claims, claimsOf } from "#domains/inbox/claims.ts";
import type { Projector, Provider } from "#domains/inbox/ports.ts";
import { troubleOf } from "#domains/inbox/retry.core.ts";
import { segmentCache } from "#domains/inbox/segment-cache.ts";
import { nextBudget } from "#domains/inbox/shares.core.ts";
import type { Clock } from "#platform/clock.ts";
import type { BatchCtx } from "#platform/context.ts";
import type { Tx } from "#platform/db/tx.ts";
import type { Log } from "#platform/log.ts";

import { type Beat, startBeat, type WorkerFigures } from "./worker-beat.ts";
import { type Planner, startPlanner } from "./worker-planner.ts";

export interface InboxWorkerOptions {
  /** Unique among all running workers. */
  readonly workerId: string;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly projectors: readonly Projector[];
  /** announce and enqueue of a batch's transaction. */
  readonly batchCtx: (tx: Tx, now: Date) => BatchCtx;
  /** Batches under way at once in this process. */
  readonly slots?: number;
  /** Events claimed for a batch, 1,000 where nothing is said; older ones of their keys come along. */
  readonly batchSize?: number;
  /** A worker that has not turned its loop for this long ends itself; null switches the watchdog off. */
  readonly watchdogMs?: number | null;
  readonly leaseS?: number;
}

export interface InboxWorker {
  /** Lets batches under way end (at most `withinMs`), gives nothing new out, resolves when quiet. */
  stop(withinMs?: number): Promise<void>;
  readonly settled: () => number;
}

const IDLE_MS = 1_000;
const LONGEST_PAUSE_MS = 2_000;

interface State {
  readonly options: InboxWorkerOptions;
  readonly claims: Claims;
  readonly planner: Planner;
  readonly beat: Beat;
  readonly projectors: ReadonlyMap<Provider, Projector>;
  readonly most: number;
  budget: number;
  stopping: boolean;
  settled: number;
  done: Omit<WorkerFigures, "settled" | "budget">;
}

/** Works the inbox off until stopped. Survives every loss of the database: it waits and goes on. */
export function startInboxWorker(options: InboxWorkerOptions): InboxWorker {
  const projectors = new Map(
    options.projectors.map((projector) => [projector.provider, projector]),
  );
  const claims = claimsOf({
    pool: options.pool,
    worker: options.workerId,
    segments: segmentCache(options.pool),
  });
  const most = options.batchSize ?? 1_000;
  const planner = startPlanner({ ...options, claims, providers: [...projectors.keys()] });
  const state: State = {
    options,
    claims,
    planner,
    projectors,
    beat: startBeat({ ...options, figures: () => figuresOf(state) }),
    most,
    budget: most,
    stopping: false,
    settled: 0,
    done: { failed: 0, batches: 0, batchMs: 0, lostLeases: 0 },
  };
  const ears = listen(state);
  const slots = Array.from({ length: options.slots ?? 2 }, () => runSlot(state));
  return {
    settled: () => state.settled,
    stop: async (withinMs = 10_000) => {
      state.stopping = true;
      planner.wake();
      await Promise.race([Promise.all(slots), sleep(withinMs, undefined, { ref: false })]);
      await ears.stop();
      await planner.stop();
      await state.beat.stop();
    },
  };
}

async function runSlot(state: State): Promise<void> {
  let pauseMs = 50;
  while (!state.stopping) {
    try {
      const batch = await state.planner.claim(state.budget);
      if (batch === null) {
        await state.planner.idle(IDLE_MS);
      } else {
        await work(state, batch);
      }
      pauseMs = 50;
    } catch (error) {
      const unavailable = troubleOf(error) === "unavailable";
      state.options.log[unavailable ? "warn" : "error"](
        { err: error },
        "The inbox could not be worked off; trying again.",
      );
      await sleep(pauseMs + randomInt(50));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

/** A batch in hand is kept through a loss of the database: as long as nobody took the lease over, it is still ours. */
async function work(state: State, batch: Batch): Promise<void> {
  state.beat.hold(batch.token);
  try {
    let pauseMs = 50;
    while (!(await tryOnce(state, batch))) {
      await sleep(pauseMs + randomInt(50));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  } finally {
    state.beat.letGo(batch.token);
  }
}

/** False where the database is away and the batch may be tried again. */
async function tryOnce(state: State, batch: Batch): Promise<boolean> {
  const { pool, workerId, clock, log, batchCtx } = state.options;
  const { projectors } = state;
  const chance = (): number => randomInt(1_000_000) / 1_000_000;
  const startedMs = clock.monotonicMs();
  try {
    const applied = await applyBatch(
      { pool, worker: workerId, clock, log, projectors, batchCtx, chance },
      batch,
    );
    const isDone = applied.kind === "done";
    state.done = {
      failed: state.done.failed + (isDone ? applied.failed : 0),
      batches: state.done.batches + 1,
      batchMs: state.done.batchMs + clock.monotonicMs() - startedMs,
      lostLeases: state.done.lostLeases + (isDone ? 0 : 1),
    };
    if (isDone) {
      note(state, applied.settled, applied.failed > 0);
      state.planner.troubled(applied.parked);
    } else {
      log.warn(
        { token: batch.token, events: batch.events.length },
        "A lease was lost; its batch is somebody else's now.",
      );
    }
    return true;
  } catch (error) {
    state.budget = nextBudget(state.budget, "bad", state.most);
    if (troubleOf(error) !== "unavailable" || state.stopping) {
      throw error;
    }
    return false;
  }
}

function figuresOf(state: State): WorkerFigures {
  return { ...state.done, settled: state.settled, budget: state.budget };
}

function note(state: State, settled: readonly Claimed[], failed: boolean): void {
  state.settled += settled.length;
  state.beat.settled(settled);
  state.budget = nextBudget(state.budget, failed ? "bad" : "good", state.most);
}

/** LISTEN is a hint: whoever misses it polls a second later. */
function listen(state: State): { stop(): Promise<void> } {
  const ending = new AbortController();
  const running = (async () => {
    while (!ending.signal.aborted) {
      try {
        await listenOnce(state, ending.signal);
      } catch (error) {
        state.options.log.debug({ err: error }, "Not listening; polling.");
        await sleep(1_000, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
      }
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

/** Listens on one connection until it breaks or the worker ends. */
async function listenOnce(state: State, ending: AbortSignal): Promise<void> {
  const client = await state.options.pool.connect();
  try {
    const over = new Promise<void>((resolve) => {
      const end = (): void => {
        resolve();
      };
      client.once("error", end);
      client.once("end", end);
      ending.addEventListener("abort", end, { once: true });
    });
    client.on("notification", () => {
      state.planner.wake();
    });
    await client.query("listen purser_inbox");
    await over;
  } finally {
    client.release(true);
  }
}
