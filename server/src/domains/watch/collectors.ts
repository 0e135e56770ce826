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
  collectWorkers(metrics, pool, clock);
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
  const damaged = metrics.gauge(
    "purser_spool_damaged_files",
    "Files on the disks of intakes that cannot be read any more.",
  );
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
    const nodes = await pool.query<{ spooled: number; damaged: number; workers: number }>(
      `select coalesce(sum(spooled), 0)::int8 as spooled, coalesce(sum(damaged), 0)::int8 as damaged,
              count(*) filter (where kind = 'worker' and seen_at > $1::timestamptz - interval '30 seconds') as workers
         from inbox_nodes`,
      [clock.now()],
    );
    spooled.set(nodes.rows[0]?.spooled ?? 0);
    damaged.set(nodes.rows[0]?.damaged ?? 0);
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

interface WorkerRow {
  readonly id: string;
  readonly settled: number;
  readonly failed: number;
  readonly batches: number;
  readonly batch_ms: number;
  readonly lost: number;
  readonly budget: number;
}

/** What workers, which answer no HTTP themselves, wrote beside their last sign of life: counters since each of them started. */
function collectWorkers(metrics: Metrics, pool: Pool, clock: Clock): void {
  const settled = metrics.gauge("purser_worker_settled_total", "Events that a worker settled.");
  const failed = metrics.gauge("purser_worker_failed_total", "Tries of events that failed.");
  const batches = metrics.gauge("purser_worker_batches_total", "Batches that a worker worked off.");
  const seconds = metrics.gauge("purser_worker_batch_seconds_total", "Time spent on batches.");
  const lost = metrics.gauge("purser_worker_lost_leases_total", "Batches lost to another worker.");
  const budget = metrics.gauge("purser_worker_batch_budget", "Events a batch may have now.");
  metrics.collect("workers", async () => {
    const found = await pool.query<WorkerRow>(
      `select n.id, coalesce(f.settled, 0) as settled, coalesce(f.failed, 0) as failed, coalesce(f.batches, 0) as batches,
              coalesce(f."batchMs", 0) as batch_ms, coalesce(f."lostLeases", 0) as lost, coalesce(f.budget, 0) as budget
         from inbox_nodes n cross join lateral jsonb_to_record(n.figures)
           as f (settled float8, failed float8, batches float8, "batchMs" float8, "lostLeases" float8, budget float8)
        where n.kind = 'worker' and n.seen_at > $1::timestamptz - interval '30 seconds'`,
      [clock.now()],
    );
    for (const gauge of [settled, failed, batches, seconds, lost, budget]) {
      gauge.clear();
    }
    for (const row of found.rows) {
      const worker = { worker: row.id };
      settled.set(row.settled, worker);
      failed.set(row.failed, worker);
      batches.set(row.batches, worker);
      seconds.set(row.batch_ms / 1000, worker);
      lost.set(row.lost, worker);
      budget.set(row.budget, worker);
    }
  });
}

/** Webhooks a flush, its time, and what became of them. @returns for `openIntake`'s `onFlush` */
export function inboxFlushMetrics(
  metrics: Metrics,
): (report: {
  readonly events: number;
  readonly ms: number;
  readonly fates: Readonly<Record<string, number>>;
}) => void {
  const sizes = metrics.histogram(
    "purser_inbox_flush_events",
    "Webhooks made safe by one commit.",
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  );
  const times = metrics.histogram(
    "purser_inbox_flush_seconds",
    "Time of one flush of the intake.",
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  );
  const fates = metrics.counter(
    "purser_inbox_stored_total",
    "Webhooks by what became of them at intake: new, duplicate, conflict, spooled, turned away, failed.",
  );
  return (report) => {
    sizes.observe(report.events);
    times.observe(report.ms / 1000);
    for (const [fate, count] of Object.entries(report.fates)) {
      fates.add(count, { fate });
    }
  };
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
