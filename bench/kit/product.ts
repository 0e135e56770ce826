import { setTimeout as pause } from "node:timers/promises";

import { CUSTOMERS } from "../load/events.ts";
import type { LoadResult } from "../load/protocol.ts";
import { type Bench, PURSER_MAIN, purserEnvironment } from "./bench.ts";
import { type Target, fireVolley } from "./load.ts";
import { type Part, freePort, startPart } from "./processes.ts";

const WEBHOOKS = "/api/webhooks/stripe";
/** Products, prices, customers, subscriptions and one whole cycle come first; the story goes on from here. */
export const SEEDED = CUSTOMERS * 7;
const CHUNK = 100_000;

export interface Intake extends Part, Target {}

function node(bench: Bench): readonly string[] {
  return bench.profile === null
    ? [process.execPath]
    : [process.execPath, "--cpu-prof", `--cpu-prof-dir=${bench.profile}`];
}

export async function startIntake(bench: Bench): Promise<Intake> {
  const port = await freePort();
  const part = await startPart([...node(bench), PURSER_MAIN, "intake", "--port", String(port)], {
    env: purserEnvironment(bench.dataDir, port),
    logFile: bench.logFile,
  });
  return { ...part, port, path: WEBHOOKS };
}

export async function startWorker(bench: Bench): Promise<Part> {
  return startPart([...node(bench), PURSER_MAIN, "work"], {
    env: purserEnvironment(bench.dataDir, await freePort()),
    logFile: bench.logFile,
  });
}

/** Work rows that a worker would take now. */
async function isDrained(bench: Bench): Promise<boolean> {
  const rows = await bench.sql<{ some: boolean }>(
    "select exists (select from inbox_work where state = 0) as some",
  );
  return rows[0]?.some === false;
}

export async function untilDrained(bench: Bench, patienceS: number): Promise<void> {
  const until = performance.now() + patienceS * 1000;
  while (!(await isDrained(bench))) {
    if (performance.now() > until) {
      const rows = await bench.sql<{ left: string }>(
        "select count(*) as left from inbox_work where state = 0",
      );
      throw new Error(
        `The backlog is not worked off after ${patienceS} s: ${rows[0]?.left} events are left.`,
      );
    }
    await pause(100);
  }
}

/** Puts events of the story into the inbox the way they always get there: over HTTP. */
export async function fill(
  bench: Bench,
  intake: Intake,
  from: number,
  count: number,
): Promise<LoadResult> {
  let last: LoadResult | null = null;
  for (let at = from; at < from + count; at += CHUNK) {
    last = await fireVolley(intake, {
      connections: 128,
      story: bench.story,
      from: at,
      to: Math.min(from + count, at + CHUNK),
      seconds: null,
    });
    const wanted = Math.min(from + count, at + CHUNK) - at;
    if (last.acked !== wanted) {
      throw new Error(
        `Only ${last.acked} of ${wanted} events were acknowledged: ${JSON.stringify(last.refused)}`,
      );
    }
  }
  if (last === null) {
    throw new Error("Nothing to fill.");
  }
  return last;
}

/** Catalogue, customers, their subscriptions and a first invoice each, taken in and worked off. */
export async function seed(bench: Bench, intake: Intake): Promise<void> {
  const catalogue = await fireVolley(intake, {
    connections: 1,
    story: bench.story,
    from: 0,
    to: 0,
    catalogue: true,
    seconds: null,
  });
  if (catalogue.acked === 0) {
    throw new Error(`The catalogue was not accepted: ${JSON.stringify(catalogue.refused)}`);
  }
  await fill(bench, intake, 0, SEEDED);
  const worker = await startWorker(bench);
  await untilDrained(bench, 120);
  await worker.stop();
  // What autovacuum does by itself within seconds of real life; the queues get fresh statistics too.
  await bench.sql("analyze");
}

export interface Drain {
  readonly events: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Events a second in each tenth, oldest first. */
  readonly tenths: readonly number[];
  readonly fates: Readonly<Record<string, number>>;
}

/**
 * How fast the events above `afterId` were worked off, read from what the worker wrote: each outcome
 * carries the instant of its batch. The first batch counts as the start, so its events do not count.
 */
export async function drainOf(bench: Bench, afterId: bigint): Promise<Drain> {
  const totals = await bench.sql<{ events: string; seconds: number; first: string }>(
    `with o as materialized (select at from inbox_outcomes where event_id > $1)
     select count(*) as events, extract(epoch from max(at) - min(at))::float8 as seconds,
            count(*) filter (where at = (select min(at) from o)) as first from o`,
    [afterId],
  );
  const tenths = await bench.sql<{ tenth: number; events: string; begun: number; ended: number }>(
    `with o as (select at, ntile(10) over (order by at, event_id) as tenth from inbox_outcomes where event_id > $1)
     select tenth, count(*) as events, extract(epoch from min(at))::float8 as begun, extract(epoch from max(at))::float8 as ended
       from o group by tenth order by tenth`,
    [afterId],
  );
  const fates = await bench.sql<{ fate: string; events: string }>(
    "select inbox_fate(fate) as fate, count(*) as events from inbox_outcomes where event_id > $1 group by 1",
    [afterId],
  );
  const events = Number(totals[0]?.events ?? 0);
  const first = Number(totals[0]?.first ?? 0);
  const seconds = totals[0]?.seconds ?? 0;
  return {
    events,
    seconds,
    perSecond: seconds === 0 ? Number.NaN : (events - first) / seconds,
    tenths: tenths.map((row, index) => {
      const until = tenths[index + 1]?.begun ?? row.ended;
      return Number(row.events) / Math.max(0.001, until - row.begun);
    }),
    fates: Object.fromEntries(fates.map((row) => [row.fate, Number(row.events)])),
  };
}

export async function newestId(bench: Bench): Promise<bigint> {
  const rows = await bench.sql<{ id: string }>(
    "select coalesce(max(id), 0)::text as id from inbox_events",
  );
  return BigInt(rows[0]?.id ?? "0");
}

/** Of the acknowledged ids, how many are not stored. Anything but 0 is data loss. */
export async function lostOf(bench: Bench, acked: readonly string[]): Promise<number> {
  const rows = await bench.sql<{ found: string }>(
    `select count(*) as found from inbox_events where external_id = any ($1::text[] collate "C")`,
    [acked],
  );
  return acked.length - Number(rows[0]?.found ?? 0);
}
