import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import { inTx } from "#platform/db/tx.ts";
import { type Metrics, measureProcess } from "#platform/metrics.ts";

import { laneName } from "./model.ts";
import { secondsSince } from "./today.core.ts";

interface LaneRow {
  readonly lane: number;
  readonly ready: number;
  readonly parked: number;
  readonly waiting: number;
  readonly held: number;
  readonly oldest: Date | null;
}

const RATE_S = 60;

/**
 * Figures of this process and of the whole installation for `/metrics`, read at each scrape.
 *
 * @param pool a pool of the worker's role, which sees the queue of every workspace
 */
export function collectInstallation(metrics: Metrics, pool: Pool, clock: Clock): void {
  measureProcess(metrics);
  const depth = metrics.gauge("purser_inbox_depth", "Events to be worked off, by lane and state.");
  const age = metrics.gauge(
    "purser_inbox_oldest_seconds",
    "Age of the oldest ready event, by lane.",
  );
  const rate = metrics.gauge(
    "purser_inbox_rate_per_second",
    "Arrived and settled over the last full minute, by lane.",
  );
  const spooled = metrics.gauge("purser_spool_events", "Events on the disks of intakes.");
  const workers = metrics.gauge("purser_workers_seen", "Workers heard of within 30 seconds.");
  const sealed = metrics.gauge(
    "purser_audit_seal_lag_seconds",
    "Seconds since the audit log was last sealed.",
  );
  metrics.collect("inbox", async () => {
    const lanes = await readLanes(pool);
    depth.clear();
    age.clear();
    for (const row of lanes) {
      const lane = laneName(row.lane);
      depth.set(row.ready, { lane, state: "ready" });
      depth.set(row.parked, { lane, state: "parked" });
      depth.set(row.waiting, { lane, state: "waiting" });
      depth.set(row.held, { lane, state: "held" });
      age.set(row.oldest === null ? 0 : secondsSince(row.oldest, clock.now()), { lane });
    }
    const rates = await pool.query<{ lane: number; arrived: number; settled: number }>(
      `select lane, sum(arrived)::int as arrived, sum(settled)::int as settled from inbox_rates
        where minute = date_trunc('minute', $1::timestamptz) - interval '1 minute' group by lane`,
      [clock.now()],
    );
    rate.clear();
    for (const row of rates.rows) {
      rate.set(row.arrived / RATE_S, { lane: laneName(row.lane), what: "arrived" });
      rate.set(row.settled / RATE_S, { lane: laneName(row.lane), what: "settled" });
    }
    const nodes = await pool.query<{ spooled: number; workers: number }>(
      `select coalesce(sum(spooled), 0)::int8 as spooled,
              count(*) filter (where kind = 'worker' and seen_at > $1::timestamptz - interval '30 seconds') as workers
         from inbox_nodes`,
      [clock.now()],
    );
    spooled.set(nodes.rows[0]?.spooled ?? 0);
    workers.set(nodes.rows[0]?.workers ?? 0);
  });
  metrics.collect("audit", async () => {
    const found = await pool.query<{ passed_at: Date | null }>(
      "select passed_at from audit_sealer",
    );
    const passedAt = found.rows[0]?.passed_at ?? null;
    if (passedAt !== null) {
      sealed.set(secondsSince(passedAt, clock.now()));
    }
  });
}

async function readLanes(pool: Pool): Promise<readonly LaneRow[]> {
  const workspaces = await pool.query<{ id: number }>("select id from workspaces");
  const scope = workspaces.rows.map((row) => row.id);
  return inTx(pool, scope, async (tx) => {
    const result = await tx.client.query<LaneRow>(
      `select w.*, e.received_at as oldest
         from (select lane, count(*) filter (where state = 0) as ready, count(*) filter (where state = 1) as parked,
                      count(*) filter (where state = 3) as waiting, count(*) filter (where state = 2) as held,
                      min(event_id) filter (where state = 0) as first_id
                 from inbox_work group by lane) as w
         left join inbox_events e on e.id = w.first_id`,
    );
    return result.rows;
  });
}

/** Calls a flush and its time: the shape of group commit. @returns for `openQuotaEngine`'s `onFlush` */
export function quotaFlushMetrics(
  metrics: Metrics,
): (report: { readonly calls: number; readonly ms: number }) => void {
  const sizes = metrics.histogram(
    "purser_quota_flush_calls",
    "Quota calls served by one commit.",
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  );
  const times = metrics.histogram(
    "purser_quota_flush_seconds",
    "Time of one quota flush.",
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  );
  return (report) => {
    sizes.observe(report.calls);
    times.observe(report.ms / 1000);
  };
}
