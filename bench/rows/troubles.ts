import { setTimeout as pause } from "node:timers/promises";

import type { Bench } from "../kit/bench.ts";
import { type Bar, type Figure, figure, short, spreadOf, told } from "../kit/figures.ts";
import { fireVolley } from "../kit/load.ts";
import {
  type Intake,
  SEEDED,
  fill,
  newestId,
  seed,
  startIntake,
  startWorker,
  untilDrained,
} from "../kit/product.ts";
import { CUSTOMERS } from "../load/events.ts";

const SLOWED: Bar = { must: 5, aim: null, better: "less", unit: " %" };
const LANE0: Bar = { must: 1_000, aim: null, better: "less", unit: " ms" };
const LANE1: Bar = { must: 5_000, aim: null, better: "less", unit: " ms" };
const POISONED = "cus_bench000000000";

/** A customer whose rows the database refuses: what fails for ever, without a line of Purser knowing. */
async function poison(bench: Bench): Promise<void> {
  await bench.sql(`create or replace function bench_refuse() returns trigger language plpgsql as
    $$ begin raise exception 'refused by the bench'; end $$`);
  const tables = await bench.sql<{ table_name: string }>(
    `select c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.column_name = 'stripe_customer_id' and c.table_schema = 'public' and t.table_type = 'BASE TABLE'`,
  );
  for (const { table_name: table } of tables) {
    await bench.sql(`create or replace trigger bench_refuse before insert or update on ${table}
      for each row when (new.stripe_customer_id = '${POISONED}') execute function bench_refuse()`);
  }
}

/** Events a second of everybody but the poisoned customer. */
async function othersRate(bench: Bench, afterId: bigint): Promise<number> {
  const rows = await bench.sql<{ rate: number }>(
    `with o as materialized (
       select o.at from inbox_outcomes o join inbox_events e on e.id = o.event_id
        where o.event_id > $1 and e.okey <> $2 and o.fate in (1, 3))
     select (count(*) filter (where at > (select min(at) from o)) / nullif(extract(epoch from max(at) - min(at)), 0))::float8 as rate from o`,
    [afterId, `stripe:${POISONED}`],
  );
  return rows[0]?.rate ?? Number.NaN;
}

async function failingKey(bench: Bench, intake: Intake): Promise<Figure[]> {
  const behind = bench.pick(5_000, 50_000, 50_000);
  const others = bench.pick(10_000, 30_000, 50_000);
  await poison(bench);
  let at = SEEDED;
  let round = SEEDED / CUSTOMERS;
  const run = async (withFailing: boolean): Promise<number> => {
    const afterId = await newestId(bench);
    if (withFailing) {
      await fireVolley(intake, {
        connections: 64,
        story: { ...bench.story, tag: "Poison" },
        from: round * CUSTOMERS,
        to: (round + behind) * CUSTOMERS,
        step: CUSTOMERS,
        seconds: null,
      });
      round += behind;
    }
    await fill(bench, intake, at, others);
    at += others;
    await bench.checkpoint();
    const worker = await startWorker(bench);
    await untilDrained(bench, 180);
    await worker.stop();
    const rate = await othersRate(bench, afterId);
    await bench.sql("delete from inbox_work where okey = $1", [`stripe:${POISONED}`]);
    await bench.sql("delete from inbox_keys where okey = $1", [`stripe:${POISONED}`]);
    return rate;
  };
  const without: number[] = [];
  const beside: number[] = [];
  for (let turn = 0; turn < bench.pick(1, 3, 5); turn += 1) {
    without.push(await run(false));
    beside.push(await run(true));
    bench.say(
      `  others: ${short(without.at(-1) ?? 0)}/s without, ${short(beside.at(-1) ?? 0)}/s beside a failing key`,
    );
  }
  const slowed = without.map((value, index) =>
    Math.max(0, 100 * (1 - (beside[index] ?? 0) / value)),
  );
  return [
    figure(
      {
        row: "10",
        work: `one key that fails for ever with ${short(behind)} events behind it: the others slow`,
        beside: "themselves without it",
        detail: `${short(spreadOf(beside).median)}/s beside ${short(spreadOf(without).median)}/s`,
      },
      spreadOf(slowed),
      SLOWED,
    ),
  ];
}

interface Lanes {
  readonly lane0: number;
  readonly lane1: number;
  readonly counted: number;
  readonly bulk: number;
}

async function lanesOf(bench: Bench, afterId: bigint): Promise<Lanes> {
  const rows = await bench.sql<{ urgent: boolean; p99: number; events: number }>(
    `with live as (
       select right(e.okey, 1) < '5' as urgent, extract(epoch from o.at - e.received_at)::float8 * 1000 as lag
         from inbox_events e join inbox_outcomes o on o.event_id = e.id
        where e.id > $1 and e.received_at < (select max(at) from inbox_outcomes where event_id <= $1))
     select urgent, percentile_cont(0.99) within group (order by lag) as p99, count(*)::float8 as events from live group by urgent`,
    [afterId],
  );
  const bulk = await bench.sql<{ events: number }>(
    "select count(*)::float8 as events from inbox_outcomes where event_id <= $1",
    [afterId],
  );
  const of = (urgent: boolean): number =>
    rows.find((row) => row.urgent === urgent)?.p99 ?? Number.NaN;
  return {
    lane0: of(true),
    lane1: of(false),
    counted: rows.reduce((sum, row) => sum + row.events, 0),
    bulk: bulk[0]?.events ?? 0,
  };
}

/** Bulk work waits in lane 9; a trickle of urgent (lane 0, by a trigger) and of money (lane 1) must not wait behind it. */
async function bulkQueued(bench: Bench, intake: Intake): Promise<Figure[]> {
  const bulk = bench.pick(20_000, 100_000, 100_000);
  const from = 40_000_000; // a stretch of the story that nobody else uses
  await fill(bench, intake, from, bulk);
  await bench.sql("update inbox_work set lane = 9");
  await bench.sql(`create or replace function bench_lane() returns trigger language plpgsql as
    $$ begin new.lane := case when right(new.okey, 1) < '5' then 0 else 1 end; return new; end $$`);
  await bench.sql(
    `create or replace trigger bench_lane before insert on inbox_work for each row execute function bench_lane()`,
  );
  await bench.sql("vacuum (analyze) inbox_work");
  await bench.checkpoint();
  const afterId = await newestId(bench);
  const worker = await startWorker(bench);
  await pause(300);
  const trickle = await fireVolley(intake, {
    connections: 8,
    story: bench.story,
    from: from + bulk,
    to: from + bulk + 20_000,
    seconds: bench.pick(2, 6, 6),
    pauseMs: 25,
  });
  await untilDrained(bench, 180);
  await worker.stop();
  await bench.sql("drop trigger bench_lane on inbox_work");
  const lanes = await lanesOf(bench, afterId);
  bench.say(
    `  bulk ${short(lanes.bulk)}, trickle ${trickle.acked}: lane 0 p99 ${short(lanes.lane0)} ms, lane 1 p99 ${short(lanes.lane1)} ms`,
  );
  const beside = `${short(bulk)} bulk events queued`;
  return [
    figure(
      { row: "10", work: "lane 0: received to projected, p99", beside },
      spreadOf([lanes.lane0]),
      LANE0,
    ),
    figure(
      { row: "10", work: "lane 1: received to projected, p99", beside },
      spreadOf([lanes.lane1]),
      LANE1,
    ),
    told("10", "events that this was measured on while bulk was in work", short(lanes.counted)),
  ];
}

/** Row 10. */
export async function measureTroubles(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const intake = await startIntake(bench);
  await seed(bench, intake);
  const failing = await failingKey(bench, intake);
  const bulk = await bulkQueued(bench, intake);
  await intake.stop();
  return [...failing, ...bulk];
}
