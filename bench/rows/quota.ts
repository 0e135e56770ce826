import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  judge,
  notRun,
  ratios,
  short,
  showSpread,
  spreadOf,
  told,
  barText,
} from "../kit/figures.ts";
import {
  BENCH,
  type Part,
  type Talker,
  freePort,
  startPart,
  startTalker,
} from "../kit/processes.ts";

const TIMES: Bar = { must: 20, aim: 60, better: "more", unit: " x" };
const REDIS: Bar = { must: 1, aim: null, better: "more", unit: " x" };
const P99: Bar = { must: 5, aim: null, better: "less", unit: " ms" };
const HOT = "org_bench_hot";

async function startRedis(bench: Bench): Promise<(Part & { port: number }) | null> {
  if (spawnSync("redis-server", ["--version"]).status !== 0) {
    return null;
  }
  const port = await freePort();
  const folder = join(dirname(bench.logFile), "redis");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const words = [
    "redis-server",
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
  ];
  words.push("--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no");
  const part = await startPart(words, {
    logFile: bench.logFile,
    readyWhen: /Ready to accept connections/,
  });
  return { ...part, port };
}

async function hotOrganization(bench: Bench): Promise<number> {
  const rows = await bench.sql<{ id: number }>(
    "select id from workspaces order by is_default desc, id limit 1",
  );
  const workspaceId = rows[0]?.id ?? 0;
  await bench.sql("select set_config('purser.workspaces', $1, false)", [`{${workspaceId}}`]);
  await bench.sql(
    `insert into organizations (id, workspace_id, name, plan_tier, created_at, updated_at)
     values ($1, $2, 'Hot', 'pro', now(), now()) on conflict do nothing`,
    [HOT, workspaceId],
  );
  return workspaceId;
}

async function setQuota(bench: Bench, limit: number): Promise<void> {
  await bench.sql(
    "update usage_quotas set current_usage = 0, quota_limit = $2 where organization_id = $1 and dimension = 'api_calls'",
    [HOT, limit],
  );
}

async function usage(bench: Bench): Promise<number> {
  const rows = await bench.sql<{ used: number }>(
    "select current_usage::float8 as used from usage_quotas where organization_id = $1 and dimension = 'api_calls'",
    [HOT],
  );
  return rows[0]?.used ?? Number.NaN;
}

interface Turn {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly granted: number;
}

async function turn(talker: Talker, seconds: number): Promise<Turn> {
  const answer = await talker.ask({ seconds });
  return {
    perSecond: Number(answer["perSecond"]),
    p50: Number(answer["p50"]),
    p99: Number(answer["p99"]),
    granted: Number(answer["granted"]),
  };
}

interface Turns {
  readonly ours: readonly Turn[];
  readonly theirs: readonly Turn[];
  readonly redis: readonly Turn[];
  readonly wrong: number;
}

function rates(turns: readonly Turn[]): number[] {
  return turns.map((each) => each.perSecond);
}

function redisFigure(turns: Turns): Figure {
  if (turns.redis.length === 0) {
    return notRun("11", "beside Redis INCR, appendfsync always", "no redis-server on this machine");
  }
  const spread = ratios(rates(turns.ours), rates(turns.redis));
  const p99 = short(spreadOf(turns.redis.map((each) => each.p99)).median);
  const line = figure(
    {
      row: "11",
      work: "the same (in process; Redis over loopback)",
      beside: "Redis INCR, appendfsync always",
      detail: `${showSpread(spreadOf(rates(turns.redis)))}/s, p99 ${p99} ms`,
    },
    spread,
    REDIS,
  );
  // Redis is an aim without a must.
  return { ...line, must: "", aim: ">= 1 x", verdict: spread.median >= 1 ? "aim" : "must" };
}

function figuresOf(turns: Turns): readonly Figure[] {
  const p99 = spreadOf(turns.ours.map((each) => each.p99));
  const p50 = spreadOf(turns.ours.map((each) => each.p50));
  return [
    figure(
      {
        row: "11",
        work: "quota consume, one hot organization, 64 callers",
        beside: "one UPDATE per call",
        detail: `${showSpread(spreadOf(rates(turns.ours)))}/s beside ${showSpread(spreadOf(rates(turns.theirs)))}/s`,
      },
      ratios(rates(turns.ours), rates(turns.theirs)),
      TIMES,
    ),
    {
      ...told(
        "11",
        "the same, answer",
        `p99 ${showSpread(p99, " ms")}, p50 ${showSpread(p50, " ms")}`,
      ),
      must: `p99 ${barText(P99, 5)}`,
      verdict: judge(p99.median, P99),
    },
    redisFigure(turns),
    {
      ...told("11", "grants counted wrongly or beyond the limit", String(turns.wrong)),
      must: "0",
      verdict: turns.wrong === 0 ? "aim" : "missed",
    },
  ];
}

/** Row 11. */
export async function measureQuota(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const workspaceId = String(await hotOrganization(bench));
  const script = join(BENCH, "load", "quota-callers.ts");
  const service = bench.cluster.serviceUrl;
  const engine = await startTalker(script, ["engine", service, workspaceId, HOT]);
  const update = await startTalker(script, ["update", service, workspaceId, HOT]);
  const server = await startRedis(bench);
  const redis = server === null ? null : await startTalker(script, ["redis", String(server.port)]);
  const seconds = bench.pick(1, 2, 4);
  const ours: Turn[] = [];
  const theirs: Turn[] = [];
  const redisTurns: Turn[] = [];
  let wrong = 0;
  await setQuota(bench, 1_000_000_000);
  await turn(engine, 0.5); // warms up
  for (let round = 0; round < bench.pick(2, 5, 7); round += 1) {
    await setQuota(bench, 1_000_000_000);
    ours.push(await turn(engine, seconds));
    wrong += Math.abs((await usage(bench)) - (ours.at(-1)?.granted ?? 0));
    await setQuota(bench, 1_000_000_000);
    theirs.push(await turn(update, seconds));
    if (redis !== null) {
      redisTurns.push(await turn(redis, seconds));
    }
    bench.say(
      `  coalesced ${short(ours.at(-1)?.perSecond ?? 0)}/s, one UPDATE per call ${short(theirs.at(-1)?.perSecond ?? 0)}/s, Redis ${short(redisTurns.at(-1)?.perSecond ?? Number.NaN)}/s`,
    );
  }
  // At the limit: not one more than there are tokens, and every grant is in the row.
  const tokens = 1_000;
  await setQuota(bench, tokens);
  const atLimit = await turn(engine, 0.7);
  wrong += Math.max(0, atLimit.granted - tokens) + Math.abs((await usage(bench)) - atLimit.granted);
  await Promise.all([engine.stop(), update.stop(), redis?.stop(), server?.stop()]);
  return figuresOf({ ours, theirs, redis: redisTurns, wrong });
}
