import { Worker } from "node:worker_threads";

import type { Pool } from "pg";

import { type Claimed, LEASE_S } from "#domains/inbox/claims.ts";
import { CODES, rateCode } from "#domains/inbox/rate-code.core.ts";
import type { Clock } from "#platform/clock.ts";
import { int4Array, int8Array } from "#platform/db/binary-arrays.ts";
import type { Log } from "#platform/log.ts";

const BEAT_MS = 1_000;

/** What a worker has done since it started; counters but for `budget`. Shown on the metrics page of the desk. */
export interface WorkerFigures {
  readonly settled: number;
  /** Tries of events that failed. */
  readonly failed: number;
  readonly batches: number;
  readonly batchMs: number;
  readonly lostLeases: number;
  /** Events that a batch may have at present. */
  readonly budget: number;
}

export interface Beat {
  hold(token: number): void;
  letGo(token: number): void;
  settled(events: readonly Claimed[]): void;
  stop(): Promise<void>;
}

/** Signs of life: leases renewed, node seen, settled events counted, and a thread that ends a process whose loop stands still. */
export function startBeat(options: {
  readonly workerId: string;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly figures: () => WorkerFigures;
  readonly watchdogMs?: number | null;
}): Beat {
  const held = new Set<number>();
  let counts = new Map<number, number>();
  let running = false;
  let beats = 0;
  const dog = options.watchdogMs === null ? null : watchdog(options.watchdogMs ?? 30_000);

  const beat = async (): Promise<void> => {
    const now = options.clock.now();
    const settled = [...counts];
    counts = new Map();
    // Every third second: a third of the lease is plenty.
    if (held.size > 0 && beats % 3 === 0) {
      await options.pool.query(
        "update inbox_leases set lease_until = clock_timestamp() + $1::interval where token = any($2::bigint[]) and worker = $3",
        [`${String(LEASE_S)} seconds`, int8Array([...held]), options.workerId],
      );
    }
    await options.pool.query(
      `insert into inbox_nodes (id, kind, seen_at, figures) values ($1, 'worker', $2, $3)
       on conflict (id) do update set seen_at = excluded.seen_at, figures = excluded.figures`,
      [options.workerId, now, JSON.stringify(options.figures())],
    );
    if (settled.length > 0) {
      await options.pool.query(
        `insert into inbox_rates as r (minute, node, workspace_id, provider, lane, settled)
         select date_trunc('minute', $1::timestamptz), $2, w, c / 16, c % 16, n from unnest($3::integer[], $4::integer[], $5::integer[]) as x(w, c, n)
         on conflict (minute, node, workspace_id, provider, lane) do update set settled = r.settled + excluded.settled`,
        [
          now,
          options.workerId,
          int4Array(settled.map(([code]) => Math.floor(code / CODES))),
          int4Array(settled.map(([code]) => code % CODES)),
          int4Array(settled.map(([, count]) => count)),
        ],
      );
    }
  };

  const timer = setInterval(() => {
    dog?.pet();
    beats += 1;
    if (!running) {
      running = true;
      void beat()
        .catch((error: unknown) => {
          options.log.debug({ err: error }, "A sign of life could not be given.");
        })
        .finally(() => {
          running = false;
        });
    }
  }, BEAT_MS);
  return {
    hold: (token) => held.add(token),
    letGo: (token) => held.delete(token),
    settled: (events) => {
      for (const event of events) {
        const code = rateCode(event);
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
    },
    stop: async () => {
      clearInterval(timer);
      await dog?.stop();
      await beat().catch(() => undefined);
      await options.pool
        .query("delete from inbox_nodes where id = $1", [options.workerId])
        .catch(() => undefined);
    },
  };
}

/** A loop that stands still cannot end itself: a thread with a clock of its own does. Its leases then expire and others go on. */
function watchdog(patienceMs: number): { pet(): void; stop(): Promise<void> } {
  const shared = new SharedArrayBuffer(4);
  const counter = new Int32Array(shared);
  const thread = new Worker(new URL("watchdog.ts", import.meta.url), {
    workerData: { shared, patienceMs },
  });
  thread.unref();
  return {
    pet: () => {
      Atomics.add(counter, 0, 1);
    },
    stop: async () => {
      await thread.terminate();
    },
  };
}
