import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  ratios,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { type Queue, type QueuePeer, bodiesOf, startQueue } from "../kit/peers.ts";
import {
  type Drain,
  type Intake,
  SEEDED,
  drainOf,
  fill,
  newestId,
  seed,
  startIntake,
  startWorker,
  untilDrained,
} from "../kit/product.ts";
import { watchUsage } from "../kit/usage.ts";

const TUNED: Bar = { must: 1.5, aim: 3, better: "more", unit: " x" };
const DEFAULT: Bar = { must: 6, aim: 10, better: "more", unit: " x" };
const BOSS: Bar = { must: 1.1, aim: 2, better: "more", unit: " x" };
const TWO: Bar = { must: 2.2, aim: 4, better: "more", unit: " x" };

/** A backlog of `count` events of the story from number `from`, worked off by so many workers. */
async function drainBacklog(
  bench: Bench,
  intake: Intake,
  order: { readonly from: number; readonly count: number; readonly workers: number },
): Promise<Drain> {
  const afterId = await newestId(bench);
  await fill(bench, intake, order.from, order.count);
  await bench.checkpoint();
  const workers = await Promise.all(
    Array.from({ length: order.workers }, () => startWorker(bench)),
  );
  const usage = watchUsage(bench, { worker: workers[0]?.pid ?? 0 });
  await untilDrained(bench, 60 + order.count / 500);
  const used = usage();
  const perEvent = (cpuS: number): string => short((cpuS * 1e6) / order.count);
  bench.say(
    `  ${short(order.count)} on ${order.workers}: processor per event: (first) worker ${perEvent(used.parts.worker)}, Postgres ${perEvent(used.postgres)} us; ${(used.busy / used.seconds).toFixed(2)} cores busy`,
  );
  await Promise.all(workers.map((worker) => worker.stop()));
  return drainOf(bench, afterId);
}

async function drainPeer(bench: Bench, queue: Queue, from: number, count: number): Promise<number> {
  await queue.add(bodiesOf(bench, from, count));
  await bench.checkpoint();
  return queue.drain(count);
}

/** A queue's process lives for one drain: like our workers it starts cold and holds no connections of another's turn. */
async function peerTurn(
  bench: Bench,
  mode: QueuePeer,
  from: number,
  count: number,
): Promise<number> {
  const queue = await startQueue(bench, mode);
  try {
    return await drainPeer(bench, queue, from, count);
  } finally {
    await queue.stop();
  }
}

/** Rows 5 and 6. */
export async function measureBacklog(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const intake = await startIntake(bench);
  await seed(bench, intake);
  const count = bench.pick(20_000, 40_000, 80_000);
  const few = Math.round(count / 4);
  const one: number[] = [];
  const two: number[] = [];
  const tuned: number[] = [];
  const plain: number[] = [];
  const boss: number[] = [];
  let at = SEEDED;
  let fates: Readonly<Record<string, number>> = {};
  for (let turn = 0; turn < bench.pick(1, 4, 6); turn += 1) {
    const alone = await drainBacklog(bench, intake, { from: at, count, workers: 1 });
    one.push(alone.perSecond);
    fates = alone.fates;
    tuned.push(await peerTurn(bench, "graphile-tuned", at, count));
    boss.push(await peerTurn(bench, "pg-boss", at, count));
    const pair = await drainBacklog(bench, intake, { from: at + count, count, workers: 2 });
    two.push(pair.perSecond);
    plain.push(await peerTurn(bench, "graphile-default", at + count, few));
    at += 2 * count;
    bench.say(
      `  one worker ${short(alone.perSecond)}/s, two ${short(pair.perSecond)}/s; graphile tuned ${short(tuned.at(-1) ?? 0)}/s, ` +
        `default ${short(plain.at(-1) ?? 0)}/s, pg-boss ${short(boss.at(-1) ?? 0)}/s`,
    );
  }
  await intake.stop();
  const work = `working off a backlog of ${short(count)}, one worker`;
  const rate = (values: readonly number[]): string => `${showSpread(spreadOf(values))}/s`;
  return [
    figure({ row: "5", work, beside: "graphile-worker, tuned" }, ratios(one, tuned), TUNED),
    figure(
      { row: "5", work, beside: "graphile-worker, its defaults" },
      ratios(one, plain),
      DEFAULT,
    ),
    figure({ row: "5", work, beside: "pg-boss, set-based handler" }, ratios(one, boss), BOSS),
    figure(
      { row: "6", work: "the same on two workers", beside: "graphile-worker, tuned" },
      ratios(two, tuned),
      TWO,
    ),
    told(
      "5",
      "Purser, one worker; fates of one backlog",
      `${rate(one)}; ${Object.entries(fates)
        .map(([fate, events]) => `${events} ${fate}`)
        .join(", ")}`,
    ),
    told("6", "Purser, two workers", rate(two)),
    told(
      "5",
      "graphile-worker tuned; its defaults; pg-boss set-based",
      `${rate(tuned)}; ${rate(plain)}; ${rate(boss)}`,
    ),
  ];
}
