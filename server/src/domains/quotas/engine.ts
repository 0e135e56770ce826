import type { Pool, PoolClient } from "pg";

import { type Clock, addHours } from "#platform/clock.ts";
import { Problem, unavailable } from "#platform/problem.ts";

import type { QuotaRow } from "./model.ts";
import { type UsageCall, type UsageOutcome, divide, quotaKey } from "./quota.core.ts";
import { LEDGER_HOURS, lockRows, readLedger, swapRows, writeDivision } from "./store.ts";

/** Calls that one flush serves at most: more would only lengthen everybody's wait. */
const MAX_FLUSH = 1_024;
/** Waiting calls beyond this are refused at once: a queue that cannot be served in time only hides the trouble. */
const MAX_WAITING = 50_000;
/** Rows remembered between flushes; beyond it all are forgotten, which costs one flush under locks. */
const MAX_REMEMBERED = 10_000;
/** After a row turned out to be another than remembered, flushes under locks before the memory is trusted again: another process counts on it too. */
const WARY_FLUSHES = 16;
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
 * Rows are remembered between flushes, so that most need a single statement (`flushFromMemory`).
 */
export function openQuotaEngine(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly onFlush?: (report: FlushReport) => void;
}): QuotaEngine {
  let waiting: Waiting[] = [];
  let flushing = false;
  const memory = openMemory();

  async function serve(batch: readonly Waiting[]): Promise<void> {
    const startedMs = deps.clock.monotonicMs();
    const calls = batch.map((each) => each.call);
    try {
      const { outcomes, rows } = await flushWithRetry({ ...deps, memory }, calls);
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

interface Memory {
  /** The rows of these calls as the last flush left them; null where one is not known or the memory is not trusted. */
  recall(calls: readonly UsageCall[]): ReadonlyMap<string, QuotaRow> | null;
  remember(rows: Iterable<QuotaRow>): void;
  distrust(): void;
}

function openMemory(): Memory {
  const rows = new Map<string, QuotaRow>();
  let wary = 0;
  return {
    recall: (calls) => {
      if (wary > 0) {
        wary -= 1;
        return null;
      }
      const found = new Map<string, QuotaRow>();
      for (const call of calls) {
        const at = quotaKey(call);
        const row = rows.get(at);
        if (row === undefined) {
          return null;
        }
        found.set(at, row);
      }
      return found;
    },
    remember: (fresh) => {
      if (rows.size > MAX_REMEMBERED) {
        rows.clear();
      }
      for (const row of fresh) {
        rows.set(quotaKey(row), row);
      }
    },
    distrust: () => {
      rows.clear();
      wary = WARY_FLUSHES;
    },
  };
}

interface FlushDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly memory: Memory;
}

async function flushWithRetry(deps: FlushDeps, calls: readonly UsageCall[]): Promise<Flushed> {
  try {
    return (await flushFromMemory(deps, calls)) ?? (await flush(deps, calls));
  } catch (error) {
    deps.memory.distrust();
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!UNDONE.has(code)) {
      throw error;
    }
    return flush(deps, calls);
  }
}

/**
 * One round trip instead of four: divides what is remembered and writes it only where the rows are
 * still so. Whoever else changed a row (another process, an operation, psql) makes it fail, and the
 * flush decides under locks; so do keys and refusals, which are never answered from memory.
 *
 * @returns null where it did not go
 */
async function flushFromMemory(
  deps: FlushDeps,
  calls: readonly UsageCall[],
): Promise<Flushed | null> {
  const before = calls.every((call) => call.key === null) ? deps.memory.recall(calls) : null;
  if (before === null) {
    return null;
  }
  const now = deps.clock.now();
  const { outcomes, writes } = divide(calls, before, new Map(), now);
  const allGranted = outcomes.every(
    (each) => each.kind === "answered" && each.answer.rule === null,
  );
  if (!allGranted) {
    return null;
  }
  const old = writes.flatMap((row) => before.get(quotaKey(row)) ?? []);
  if (!(await swapRows(deps.pool, old, writes, now))) {
    deps.memory.distrust();
    return null;
  }
  deps.memory.remember(writes);
  return { outcomes, rows: writes.length };
}

/** One transaction: lock the rows, see which keys were counted, divide, write. */
async function flush(deps: FlushDeps, calls: readonly UsageCall[]): Promise<Flushed> {
  const client = await deps.pool.connect();
  let broken: Error | undefined;
  try {
    const scope = [...new Set(calls.map((call) => call.workspaceId))].join(",");
    await client.query(`begin; set local purser.workspaces = '{${scope}}'`); // numbers only
    const { flushed, rows } = await flushIn(client, calls, deps.clock);
    await client.query("commit");
    deps.memory.remember(rows);
    return flushed;
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
): Promise<{ readonly flushed: Flushed; readonly rows: readonly QuotaRow[] }> {
  const rows = await lockRows(client, calls);
  const now = clock.now(); // read under the locks: a month that begins while we wait has begun
  const seen = await readLedger(client, calls, addHours(now, -LEDGER_HOURS));
  const division = divide(calls, rows, seen, now);
  await writeDivision(client, division, now);
  return {
    flushed: { outcomes: division.outcomes, rows: division.writes.length },
    rows: [...rows.values(), ...division.writes],
  };
}
