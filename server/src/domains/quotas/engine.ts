import type { Pool, PoolClient } from "pg";

import { type Clock, addHours } from "#platform/clock.ts";
import { Problem, unavailable } from "#platform/problem.ts";

import { type UsageCall, type UsageOutcome, divide } from "./quota.core.ts";
import { LEDGER_HOURS, lockRows, readLedger, writeDivision } from "./store.ts";

/** Calls that one flush serves at most: more would only lengthen everybody's wait. */
const MAX_FLUSH = 1_024;
/** Waiting calls beyond this are refused at once: a queue that cannot be served in time only hides the trouble. */
const MAX_WAITING = 50_000;
/** deadlock, serialization failure, lock not available: the transaction is undone, nothing was counted. */
const UNDONE = new Set(["40P01", "40001", "55P03"]);

interface Waiting {
  readonly call: UsageCall;
  readonly resolve: (outcome: UsageOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** What the engine tells about its work; wiring hangs metrics on it. */
export interface FlushReport {
  readonly calls: number;
  readonly rows: number;
  readonly ms: number;
}

export interface QuotaEngine {
  /**
   * Decides on the row and counts, durably, before it answers. Calls that arrive while a flush is
   * under way wait for the next one and share its single commit.
   *
   * @throws Problem platform/unavailable where the database does not answer; then only a call with an
   *   idempotency key may be repeated without the danger of counting twice
   */
  use(call: UsageCall): Promise<UsageOutcome>;
  /** The same for many calls at once, decided in the order given; the answers are in that order too. */
  useMany(calls: readonly UsageCall[]): Promise<readonly UsageOutcome[]>;
}

/**
 * Group commit for counting: one UPDATE per call makes the callers of one customer queue for its
 * row, each holding it through its own commit. Here one transaction serves all who wait, and the
 * next begins when it ends, with no timer: alone, a call pays one transaction; in a crowd, a share.
 */
export function openQuotaEngine(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly onFlush?: (report: FlushReport) => void;
}): QuotaEngine {
  let waiting: Waiting[] = [];
  let flushing = false;

  async function serve(batch: readonly Waiting[]): Promise<void> {
    const startedMs = deps.clock.monotonicMs();
    const calls = batch.map((each) => each.call);
    try {
      const { outcomes, rows } = await flushWithRetry(deps.pool, calls, deps.clock);
      for (const [index, each] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome !== undefined) {
          each.resolve(outcome);
        }
      }
      deps.onFlush?.({ calls: calls.length, rows, ms: deps.clock.monotonicMs() - startedMs });
    } catch (error) {
      const problem = new Problem(
        unavailable,
        "The quota could not be read or counted; try again with the same idempotency key.",
        {},
        { cause: error },
      );
      for (const each of batch) {
        each.reject(problem);
      }
    }
  }

  async function pump(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_FLUSH);
      waiting = waiting.slice(MAX_FLUSH);
      await serve(batch);
      // Those who were just answered ask again in the microtasks that follow; let them join the next flush.
      await new Promise(setImmediate);
    }
    flushing = false;
  }

  function use(call: UsageCall): Promise<UsageOutcome> {
    if (waiting.length >= MAX_WAITING) {
      return Promise.reject(new Problem(unavailable, "Too many quota calls are waiting."));
    }
    const { promise, resolve, reject } = Promise.withResolvers<UsageOutcome>();
    waiting.push({ call, resolve, reject });
    if (!flushing) {
      void pump(); // never rejects: serve answers every caller itself
    }
    return promise;
  }

  return { use, useMany: (calls) => Promise.all(calls.map((call) => use(call))) };
}

interface Flushed {
  readonly outcomes: readonly UsageOutcome[];
  readonly rows: number;
}

async function flushWithRetry(
  pool: Pool,
  calls: readonly UsageCall[],
  clock: Clock,
): Promise<Flushed> {
  try {
    return await flush(pool, calls, clock);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!UNDONE.has(code)) {
      throw error;
    }
    return flush(pool, calls, clock);
  }
}

/** One transaction: lock the rows, see which keys were counted, divide, write. */
async function flush(pool: Pool, calls: readonly UsageCall[], clock: Clock): Promise<Flushed> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const scope = [...new Set(calls.map((call) => call.workspaceId))].join(",");
    await client.query(`begin; set local purser.workspaces = '{${scope}}'`); // numbers only
    const result = await flushIn(client, calls, clock);
    await client.query("commit");
    return result;
  } catch (error) {
    try {
      await client.query("rollback");
    } catch (rollbackError) {
      broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

async function flushIn(
  client: PoolClient,
  calls: readonly UsageCall[],
  clock: Clock,
): Promise<Flushed> {
  const rows = await lockRows(client, calls);
  const now = clock.now(); // read under the locks: a month that begins while we wait has begun
  const seen = await readLedger(client, calls, addHours(now, -LEDGER_HOURS));
  const division = divide(calls, rows, seen, now);
  await writeDivision(client, division, now);
  return { outcomes: division.outcomes, rows: division.writes.length };
}
