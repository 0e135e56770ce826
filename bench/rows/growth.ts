import { setTimeout as pause } from "node:timers/promises";

import pg from "pg";

import type { Bench } from "../kit/bench.ts";
import { type Bar, type Figure, figure, short, spreadOf, told } from "../kit/figures.ts";
import {
  type Drain,
  SEEDED,
  drainOf,
  fill,
  newestId,
  seed,
  startIntake,
  startWorker,
  untilDrained,
} from "../kit/product.ts";

const PLAIN: Bar = { must: 0.5, aim: 0.8, better: "more", unit: " x" };
const SNAPSHOT: Bar = { must: 0.6, aim: 0.8, better: "more", unit: " x" };
const SMALL = 10_000;

/** What a long report or a backup does to a queue: nothing deleted meanwhile can be cleaned away. */
async function withSnapshot<T>(bench: Bench, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: bench.cluster.superuserUrl.replace(/\/postgres$/, "/purser"),
  });
  await client.connect();
  try {
    await client.query("begin isolation level repeatable read");
    await client.query("select count(*) from inbox_controls");
    return await work();
  } finally {
    await client.end();
  }
}

async function setValves(bench: Bench, paused: boolean): Promise<void> {
  await bench.sql(
    `insert into inbox_controls (provider, lane, paused, updated_at, updated_by)
     select 1, lane, $1, now(), 'bench' from unnest(array[0, 1, 5, 9]) as lane
     on conflict (provider, lane) do update set paused = excluded.paused`,
    [paused],
  );
  if (paused) {
    await pause(1_500); // workers look once a second
  }
}

function slowest(drain: Drain): number {
  return Math.min(...drain.tenths);
}

/** Row 8. A step of the story is 2,000 events long, so every multiple of 10,000 has the same mix. */
export async function measureGrowth(bench: Bench): Promise<readonly Figure[]> {
  const large = bench.pick(100_000, 200_000, 1_000_000);
  const held = bench.pick(50_000, 200_000, 400_000);
  await bench.freshPurser();
  const intake = await startIntake(bench);
  await seed(bench, intake);
  let at = SEEDED;
  // One worker for all of it, held back by the valves while a backlog is made: ten thousand events
  // are over before a new process has compiled its code.
  const worker = await startWorker(bench);
  const next = async (count: number): Promise<Drain> => {
    const afterId = await newestId(bench);
    await setValves(bench, true);
    await fill(bench, intake, at, count);
    at += count;
    await bench.checkpoint();
    await setValves(bench, false);
    await untilDrained(bench, 60 + count / 500);
    return drainOf(bench, afterId);
  };
  await next(3 * SMALL); // warms it up
  const small = [await next(SMALL), await next(SMALL)];
  const base = spreadOf(small.map((drain) => drain.perSecond)).median;
  const big = await next(large);
  bench.say(
    `  10 k at ${short(base)}/s; ${short(large)} by tenths: ${big.tenths.map(short).join(" ")}`,
  );
  const snapshot = await withSnapshot(bench, () => next(held));
  bench.say(
    `  ${short(held)} under an open snapshot by tenths: ${snapshot.tenths.map(short).join(" ")}`,
  );
  await Promise.all([intake.stop(), worker.stop()]);
  const said = bench.size === "full" ? "" : ` (${short(large)} here; 1 M with --full)`;
  return [
    figure(
      {
        row: "8",
        work: `backlog 10 k -> 1 M, slowest tenth${said}`,
        beside: "itself at 10 k",
        detail: `${short(slowest(big))}/s beside ${short(base)}/s`,
      },
      spreadOf([slowest(big) / base]),
      PLAIN,
    ),
    figure(
      {
        row: "8",
        work: `the same with a snapshot held open all the while (${short(held)})`,
        beside: "itself without",
        detail: `whole drain ${short(snapshot.perSecond)}/s beside ${short(big.perSecond)}/s`,
      },
      spreadOf([slowest(snapshot) / slowest(big)]),
      SNAPSHOT,
    ),
    told(
      "8",
      "tenths without and with the snapshot",
      `${big.tenths.map(short).join(" ")} | ${snapshot.tenths.map(short).join(" ")} events/s`,
    ),
  ];
}
