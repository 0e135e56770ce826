import pg from "pg";

import type { Bench } from "../kit/bench.ts";
import { type Bar, type Figure, figure, short, spreadOf, told } from "../kit/figures.ts";
import { type Drain, SEEDED, seed, startIntake } from "../kit/product.ts";
import { drainBacklog } from "./backlog.ts";

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
  const next = async (count: number): Promise<Drain> => {
    const drain = await drainBacklog(bench, intake, { from: at, count, workers: 1 });
    at += count;
    return drain;
  };
  await next(SMALL); // the first fills caches
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
  await intake.stop();
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
