import { setTimeout as sleep } from "node:timers/promises";

import type { Pool, PoolClient } from "pg";

import type { Clock } from "#platform/clock.ts";
import type { BatchCtx } from "#platform/context.ts";
import {
  boolArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
} from "#platform/db/binary-arrays.ts";
import { type Tx, txOn } from "#platform/db/tx.ts";
import type { Log } from "#platform/log.ts";

import type { Batch, Claimed } from "./claims.ts";
import type { Fate, Projector, Provider } from "./ports.ts";
import {
  backoffMs,
  DEAD,
  errorText,
  LATER,
  MAX_LONE_CRASHES,
  troubleOf,
  type Verdict,
  verdictOf,
  verdictOfFailure,
} from "./retry.core.ts";

const QUICK_RETRIES = 3;

export interface ApplyDeps {
  readonly pool: Pool;
  readonly worker: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly projectors: ReadonlyMap<Provider, Projector>;
  readonly batchCtx: (tx: Tx, now: Date) => BatchCtx;
  /** 0..1, for jitter. */
  readonly chance: () => number;
}

export type Applied =
  | {
      readonly kind: "done";
      readonly settled: readonly Claimed[];
      readonly failed: number;
      readonly parked: boolean;
    }
  /** The lease was gone: someone else has, or had, these events. Nothing was written. */
  | { readonly kind: "fenced" };

/** An event with its verdict; `error` where its own try failed. */
interface Judged {
  readonly event: Claimed;
  readonly verdict: Verdict;
  readonly error: string | null;
}

/**
 * Writes a batch into the record in one transaction that holds the batch's fence. A batch that fails
 * is bisected by whole keys with savepoints; the event that fails alone parks its key.
 *
 * @throws what makes the database unavailable; the batch is then still ours and may be tried again
 */
export async function applyBatch(deps: ApplyDeps, batch: Batch): Promise<Applied> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await applyOnce(deps, batch, tries > 0 && tries >= QUICK_RETRIES);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === "unavailable" || tries >= QUICK_RETRIES) {
        throw error;
      }
      await sleep(5 + 40 * deps.chance());
    }
  }
}

const FENCE = `select set_config('purser.workspaces', $2, true),
  (select true from inbox_leases where token = $1 and lease_until > clock_timestamp() for update) as held`;

async function applyOnce(deps: ApplyDeps, batch: Batch, oneByOne: boolean): Promise<Applied> {
  const client = await deps.pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const scope = [...new Set(batch.events.map((event) => event.workspaceId))];
    const fence = await client.query<{ held: boolean | null }>({
      name: "inbox_fence",
      text: FENCE,
      values: [batch.token, `{${scope.join(",")}}`],
    });
    if (fence.rows[0]?.held !== true) {
      await client.query("rollback");
      return { kind: "fenced" };
    }
    const now = deps.clock.now();
    const tx: Tx = txOn(client);
    const judged = await judgeAll(
      { deps, ctx: deps.batchCtx(tx, now), client, oneByOne },
      batch.events,
    );
    await finish(deps, client, { token: batch.token, judged, now });
    await client.query("commit");
    const failures = judged.filter(({ error }) => error !== null);
    if (failures.length > 0) {
      await recordAttempts(deps, failures, now);
    }
    return {
      kind: "done",
      settled: judged
        .filter(({ verdict }) => verdict.code >= 1 && verdict.code <= DEAD)
        .map(({ event }) => event),
      failed: failures.length,
      parked: judged.some(({ verdict }) => verdict.code === LATER),
    };
  } catch (error) {
    await client.query("rollback").catch((rollbackError: unknown) => {
      broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

interface Bench {
  readonly deps: ApplyDeps;
  readonly ctx: BatchCtx;
  readonly client: PoolClient;
  readonly oneByOne: boolean;
}

async function judgeAll(bench: Bench, events: readonly Claimed[]): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  const open: Claimed[] = [];
  for (const event of events) {
    const early = judgeEarly(event);
    if (early === null) {
      open.push(event);
    } else {
      judged.push({ event, verdict: early, error: early.reason });
    }
  }
  for (const [provider, ofProvider] of groupBy(open, (event) => event.provider)) {
    const projector = bench.deps.projectors.get(provider);
    if (projector === undefined) {
      judged.push(...ofProvider.map((event) => ({ event, verdict: laterQuietly(), error: null })));
    } else {
      judged.push(...(await judgeGroup(bench, projector, ofProvider, true)));
    }
  }
  return judged;
}

function judgeEarly(event: Claimed): Verdict | null {
  if (event.crashes >= MAX_LONE_CRASHES) {
    return {
      code: 4,
      reason: `The worker died ${String(event.crashes)} times with this event alone in its hands.`,
      by: null,
      waitingFor: null,
    };
  }
  return event.body.length === 0
    ? { code: DEAD, reason: "The body is past its retention.", by: null, waitingFor: null }
    : null;
}

function laterQuietly(): Verdict {
  return { code: LATER, reason: null, by: null, waitingFor: null };
}

/** Applies events of one provider; on a throw tries the halves, by whole keys, down to single events. */
async function judgeGroup(
  bench: Bench,
  projector: Projector,
  events: readonly Claimed[],
  whole: boolean,
): Promise<readonly Judged[]> {
  try {
    // The first attempt needs a savepoint too: without it the transaction and its fence would be lost.
    await bench.client.query("savepoint batch");
    const fates = await projector.apply(bench.ctx, events);
    if (fates.length !== events.length) {
      throw new Error(
        `The projector of ${projector.provider} answered ${String(fates.length)} fates for ${String(events.length)} events.`,
      );
    }
    await bench.client.query("release savepoint batch");
    return events.map((event, index) => ({
      event,
      verdict: verdictOf(fates[index] ?? missing()),
      error: null,
    }));
  } catch (error) {
    if (
      troubleOf(error) === "unavailable" ||
      (troubleOf(error) === "conflict" && !bench.oneByOne)
    ) {
      throw error;
    }
    await bench.client.query("rollback to savepoint batch");
    await bench.client.query("release savepoint batch");
    if (whole) {
      bench.deps.log.warn(
        { err: error, events: events.length, provider: projector.provider },
        "A batch failed and is taken apart.",
      );
    }
    return takeApart(bench, projector, events, error);
  }
}

async function takeApart(
  bench: Bench,
  projector: Projector,
  events: readonly Claimed[],
  error: unknown,
): Promise<readonly Judged[]> {
  const keys = [
    ...groupBy(events, (event) => `${String(event.workspaceId)} ${event.okey}`).values(),
  ];
  if (keys.length > 1) {
    const middle = Math.ceil(keys.length / 2);
    const left = await judgeGroup(bench, projector, keys.slice(0, middle).flat(), false);
    const right = await judgeGroup(bench, projector, keys.slice(middle).flat(), false);
    return [...left, ...right];
  }
  const [first, ...behind] = events;
  if (first === undefined) {
    return [];
  }
  if (behind.length > 0) {
    const head = await judgeGroup(bench, projector, [first], false);
    // Behind a failure of its key nothing is applied: order is kept.
    const rest = head.some(({ verdict }) => verdict.code === LATER)
      ? behind.map((event) => ({ event, verdict: laterQuietly(), error: null }))
      : await judgeGroup(bench, projector, behind, false);
    return [...head, ...rest];
  }
  const text = errorText(error);
  return [{ event: first, verdict: verdictOfFailure(first.attempts + 1, text), error: text }];
}

function missing(): Fate {
  throw new Error("A fate is missing.");
}

async function finish(
  deps: ApplyDeps,
  client: PoolClient,
  end: { readonly token: number; readonly judged: readonly Judged[]; readonly now: Date },
): Promise<void> {
  const { judged, now } = end;
  const failing = [
    ...groupBy(
      judged.filter(({ verdict }) => verdict.code === LATER),
      ({ event }) => `${String(event.workspaceId)} ${event.okey}`,
    ).values(),
  ].flatMap((all) => {
    const head = all.find(({ error }) => error !== null) ?? all[0];
    return head === undefined ? [] : [head];
  });
  const anyWaiting = judged.some(({ verdict }) => verdict.waitingFor !== null);
  const anyReplay = judged.some(({ event }) => event.replay);
  await client.query({
    name: "inbox_finish",
    text: `select inbox_finish($1, $2, $3, $4::bigint[], $5::integer[], $6::smallint[], $7::smallint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[],
      $13::integer[], $14::text[], $15::integer[], $16::text[], interval '0')`,
    values: [
      end.token,
      now,
      deps.worker,
      int8Array(judged.map(({ event }) => event.id)),
      int4Array(judged.map(({ event }) => event.workspaceId)),
      int2Array(judged.map(({ verdict }) => verdict.code)),
      int2Array(
        judged.map(({ event, error }) =>
          Math.min(32_000, event.attempts + (error === null ? 0 : 1)),
        ),
      ),
      textArray(judged.map(({ event }) => event.okey)),
      textArray(judged.map(({ verdict }) => verdict.reason)),
      textArray(judged.map(({ verdict }) => verdict.by)),
      anyWaiting ? textArray(judged.map(({ verdict }) => verdict.waitingFor)) : null,
      anyReplay ? boolArray(judged.map(({ event }) => event.replay)) : null,
      failing.length === 0 ? null : int4Array(failing.map(({ event }) => event.workspaceId)),
      failing.length === 0 ? null : textArray(failing.map(({ event }) => event.okey)),
      failing.length === 0
        ? null
        : int4Array(failing.map(({ event }) => backoffMs(event.attempts + 1, deps.chance()))),
      failing.length === 0 ? null : textArray(failing.map(({ error }) => error)),
    ],
  });
}

/** In a transaction of its own: what failed is remembered whatever becomes of the batch's. */
async function recordAttempts(
  deps: ApplyDeps,
  failures: readonly Judged[],
  now: Date,
): Promise<void> {
  const scope = [...new Set(failures.map(({ event }) => event.workspaceId))];
  const client = await deps.pool.connect();
  let failed = true;
  try {
    await client.query("begin");
    await client.query("select set_config('purser.workspaces', $1, true)", [
      `{${scope.join(",")}}`,
    ]);
    await client.query(
      `insert into inbox_attempts (event_id, workspace_id, at, worker, outcome, error)
       select id, workspace, $1, $2, outcome, error from unnest($3::bigint[], $4::integer[], $5::text[], $6::text[]) as x(id, workspace, outcome, error)`,
      [
        now,
        deps.worker,
        int8Array(failures.map(({ event }) => event.id)),
        int4Array(failures.map(({ event }) => event.workspaceId)),
        textArray(
          failures.map(({ verdict }) =>
            verdict.code === LATER ? "failed" : verdict.code === DEAD ? "dead" : "quarantined",
          ),
        ),
        textArray(failures.map(({ error }) => error)),
      ],
    );
    await client.query("commit");
    failed = false;
  } catch (error) {
    deps.log.warn({ err: error }, "Failed tries could not be recorded.");
  } finally {
    client.release(failed);
  }
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [item]);
    } else {
      group.push(item);
    }
  }
  return groups;
}
