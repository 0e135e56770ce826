import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { loadVolley } from "../kit/load.ts";
import { type Intake, SEEDED, startIntake } from "../kit/product.ts";
import { storeOldEvents } from "../kit/stored.ts";
import { watchUsage } from "../kit/usage.ts";
import type { LoadResult } from "../load/protocol.ts";

const STORED: Bar = { must: 0.8, aim: 0.95, better: "more", unit: " x" };
const STORM: Bar = { must: 1, aim: 2, better: "more", unit: " x" };

async function count(bench: Bench): Promise<number> {
  const rows = await bench.sql<{ events: number }>(
    "select count(*)::float8 as events from inbox_events",
  );
  return rows[0]?.events ?? 0;
}

/** Row 9. */
export async function measureStored(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const intake: Intake = await startIntake(bench);
  const seconds = bench.pick(2, 4, 6);
  const rounds = bench.pick(2, 3, 5);
  let at = SEEDED;
  let cost = Number.NaN;
  const volley = async (from: number, to: number): Promise<LoadResult> => {
    const loaded = await loadVolley(intake, {
      connections: 256,
      story: bench.story,
      from,
      to,
      seconds,
      warmupS: 0.4,
    });
    await bench.checkpoint();
    const usage = watchUsage(bench, { intake: intake.pid });
    const result = await loaded.fire();
    cost = (usage().postgres * 1e6) / Math.max(1, result.acked);
    return result;
  };
  const fresh = async (): Promise<LoadResult> => {
    const result = await volley(at, at + seconds * 22_000);
    at += result.sent;
    return result;
  };
  await fresh(); // warms the process
  const rates = async (): Promise<number[]> => {
    const found: number[] = [];
    for (let turn = 0; turn < rounds; turn += 1) {
      found.push((await fresh()).perSecond);
    }
    return found;
  };
  const empty = await rates();
  const lines: Figure[] = [
    told(
      "9",
      "intake with (nearly) nothing stored",
      `${showSpread(spreadOf(empty))}/s; Postgres ${short(cost)} us an event`,
    ),
  ];
  let stored = 0;
  for (const size of bench.pick([200_000], [1_000_000], [1_000_000, 10_000_000])) {
    bench.say(`  storing ${short(size)} events ...`);
    await storeOldEvents(bench, stored, size);
    stored = size;
    const full = await rates();
    const base = spreadOf(empty).median;
    bench.say(
      `  ${short(base)}/s with nothing, ${short(spreadOf(full).median)}/s with ${short(size)} stored`,
    );
    lines.push(
      figure(
        {
          row: "9",
          work: `intake with ${short(size)} events stored`,
          beside: "itself with nothing stored",
          detail: `Postgres ${short(cost)} us an event`,
        },
        spreadOf(full.map((value) => value / base)),
        STORED,
      ),
    );
  }
  const storms: number[] = [];
  let grown = 0;
  for (let turn = 0; turn < rounds; turn += 1) {
    const from = at;
    const once = await fresh();
    const before = await count(bench);
    // What has been answered is sent again: twice the time would only repeat the storm.
    const again = await volley(from, from + Math.max(1, once.sent));
    grown += (await count(bench)) - before - (once.sent - once.acked);
    storms.push(again.perSecond / once.perSecond);
    bench.say(`  fresh ${short(once.perSecond)}/s, duplicates only ${short(again.perSecond)}/s`);
  }
  await intake.stop();
  lines.push(
    figure(
      { row: "9", work: "a storm of duplicates only", beside: "itself with fresh events" },
      spreadOf(storms),
      STORM,
    ),
    {
      ...told("9", "events that the storm added", String(Math.max(0, grown))),
      must: "0",
      verdict: grown <= 0 ? "aim" : "missed",
    },
  );
  return lines;
}
