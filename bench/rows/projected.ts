import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  barText,
  figure,
  judge,
  ratios,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { fireVolley, loadVolley } from "../kit/load.ts";
import { startHttpPeer } from "../kit/peers.ts";
import { SEEDED, newestId, seed, startIntake, startWorker, untilDrained } from "../kit/product.ts";
import { watchUsage } from "../kit/usage.ts";

const TIMES: Bar = { must: 4, aim: 8, better: "more", unit: " x" };
const LAG_P50: Bar = { must: 50, aim: 20, better: "less", unit: " ms" };
const LAG_P99: Bar = { must: 250, aim: 120, better: "less", unit: " ms" };

interface Lag {
  readonly projected: number;
  readonly p50: number;
  readonly p99: number;
}

/** Of the events received in the window: how many were projected within it, and how long each took. */
async function lagOf(
  bench: Bench,
  window: { afterId: bigint; fromMs: number; toMs: number },
): Promise<Lag> {
  const rows = await bench.sql<{ projected: number; p50: number; p99: number }>(
    `with settled as (
       select extract(epoch from o.at - e.received_at)::float8 * 1000 as lag, o.at, e.received_at
         from inbox_outcomes o join inbox_events e on e.id = o.event_id where o.event_id > $1
     )
     select count(*) filter (where at between to_timestamp($2) and to_timestamp($3))::float8 as projected,
            percentile_cont(0.5) within group (order by lag) filter (where received_at between to_timestamp($2) and to_timestamp($3)) as p50,
            percentile_cont(0.99) within group (order by lag) filter (where received_at between to_timestamp($2) and to_timestamp($3)) as p99
       from settled`,
    [window.afterId, window.fromMs / 1000, window.toMs / 1000],
  );
  const row = rows[0];
  return {
    projected: row?.projected ?? 0,
    p50: row?.p50 ?? Number.NaN,
    p99: row?.p99 ?? Number.NaN,
  };
}

/** Row 4: intake and one worker at once, everything saturated, beside the peer whose answer is its projection. */
export async function measureProjected(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const intake = await startIntake(bench);
  await seed(bench, intake);
  const worker = await startWorker(bench);
  const engine = await startHttpPeer(bench, "sync-engine");
  const seconds = bench.pick(3, 6, 12);
  const warmupS = 0.5;
  let at = SEEDED;
  let engineAt = 10_000_000;
  const ours: number[] = [];
  const theirs: number[] = [];
  const p50: number[] = [];
  const p99: number[] = [];
  let cost = "";
  for (let turn = 0; turn < bench.pick(1, 5, 7); turn += 1) {
    const afterId = await newestId(bench);
    const loaded = await loadVolley(intake, {
      connections: 256,
      story: bench.story,
      from: at,
      to: at + seconds * 20_000,
      seconds,
      warmupS,
    });
    await bench.checkpoint();
    const usage = watchUsage(bench, { intake: intake.pid, worker: worker.pid });
    const result = await loaded.fire();
    at += result.sent;
    await untilDrained(bench, 180);
    const used = usage();
    const fromMs = result.startWallMs + warmupS * 1000;
    const lag = await lagOf(bench, { afterId, fromMs, toMs: fromMs + result.windowS * 1000 });
    ours.push(lag.projected / result.windowS);
    p50.push(lag.p50);
    p99.push(lag.p99);
    const peer = await fireVolley(engine, {
      connections: 256,
      story: bench.story,
      from: engineAt,
      to: engineAt + seconds * 4_000,
      seconds,
      warmupS,
    });
    engineAt += peer.sent;
    theirs.push(peer.perSecond);
    bench.say(
      `  answered ${short(result.perSecond)}/s, projected ${short(lag.projected / result.windowS)}/s, ` +
        `lag p50 ${short(lag.p50)} p99 ${short(lag.p99)} ms; sync engine ${short(peer.perSecond)}/s`,
    );
    const perEvent = (cpuS: number): string => short((cpuS * 1e6) / Math.max(1, result.acked));
    cost = `intake ${perEvent(used.parts.intake)}, worker ${perEvent(used.parts.worker)}, Postgres ${perEvent(used.postgres)}, load ${perEvent(result.cpuS)} us`;
    bench.say(`  processor per event: ${cost}`);
  }
  await Promise.all([intake.stop(), worker.stop(), engine.stop()]);
  const lags = [spreadOf(p50), spreadOf(p99)] as const;
  const verdicts = new Set([judge(lags[0].median, LAG_P50), judge(lags[1].median, LAG_P99)]);
  const worst = (["broken", "missed", "must", "aim"] as const).find((each) => verdicts.has(each));
  return [
    figure(
      {
        row: "4",
        work: "received to projected, saturated (256 connections, one worker)",
        beside: "stripe-sync-engine behind the same fastify",
        detail: `${showSpread(spreadOf(ours))}/s beside ${showSpread(spreadOf(theirs))}/s`,
      },
      ratios(ours, theirs),
      TIMES,
    ),
    {
      ...told(
        "4",
        "lag from received to projected meanwhile",
        `p50 ${showSpread(lags[0], " ms")}, p99 ${showSpread(lags[1], " ms")}`,
      ),
      must: `p50 ${barText(LAG_P50, 50)}, p99 ${barText(LAG_P99, 250)}`,
      aim: `p50 ${barText(LAG_P50, 20)}, p99 ${barText(LAG_P99, 120)}`,
      verdict: worst ?? "broken",
    },
    told("4", "processor per event, received and projected", cost),
  ];
}
