/**
 * Quota consumption by 64 callers: one hot organization and a thousand, group commit beside one UPDATE
 * per call, fsync on, in the same run and interleaved. `node bench/quota-load.ts [seconds per round] [rounds] [folder on the disk to measure]`
 * prints a table and, as its last line, JSON.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { openQuotaEngine } from "../server/src/domains/quotas/engine.ts";
import { systemClock } from "../server/src/platform/clock.ts";
import { migrateUp } from "../server/src/platform/db/migrate.ts";
import { openPool } from "../server/src/platform/db/pool.ts";
import { startEmbeddedPostgres } from "../server/src/platform/postgres/embedded.ts";

const CALLERS = 64;
const seconds = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 5);

interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly granted: number;
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** 64 callers that ask again as soon as they are answered. `ask` says whether it was granted. */
async function drive(ask: (caller: number, turn: number) => Promise<boolean>): Promise<Round> {
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const lags: number[] = [];
  let granted = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let turn = 0; performance.now() < endMs; turn += 1) {
        const askedMs = performance.now();
        const passed = await ask(caller, turn);
        granted += passed ? 1 : 0;
        lags.push(performance.now() - askedMs);
      }
    }),
  );
  const tookS = (performance.now() - startedMs) / 1000;
  const sorted = Float64Array.from(lags).toSorted();
  return {
    perSecond: lags.length / tookS,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    granted,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

// On a disk, not in memory: what group commit saves is waiting for fsync.
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), "purser-bench-"));
const cluster = await startEmbeddedPostgres({ dataDir: folder, log: () => undefined });
const onError = (error: Error): void => {
  process.stderr.write(`${error.message}\n`);
};
try {
  await migrateUp({
    ownerUrl: cluster.ownerUrl,
    passwords: {
      service: cluster.credentials.purser_service,
      operator: cluster.credentials.purser_operator,
    },
    log: () => undefined,
  });
  const owner = new pg.Pool({ connectionString: cluster.ownerUrl, max: 1, idleTimeoutMillis: 0 });
  owner.on("error", onError);
  await owner.query(
    "insert into workspaces (public_id, slug, name, created_at) values ('ws_b', 'bench', 'bench', now())",
  );
  await owner.query("select set_config('purser.workspaces', '{1}', false)");
  await owner.query(`insert into organizations (id, workspace_id, name, plan_tier, created_at, updated_at)
    select 'org_' || n, 1, 'Organization ' || n, 'pro', now(), now() from generate_series(1, 1000) n`);
  await owner.query(
    "update usage_quotas set quota_limit = 1000000000 where dimension = 'api_calls'",
  );

  const pool = openPool({
    url: cluster.serviceUrl,
    role: "purser_app",
    max: 4,
    applicationName: "bench",
    onError,
  });
  const plain = openPool({
    url: cluster.serviceUrl,
    role: "purser_app",
    max: CALLERS,
    applicationName: "bench plain",
    onError,
  });
  // The peer's connections see the workspace for life, so that it pays for nothing but its UPDATE.
  for (const client of await Promise.all(Array.from({ length: CALLERS }, () => plain.connect()))) {
    await client.query("select set_config('purser.workspaces', '{1}', false)");
    client.release();
  }
  const engine = openQuotaEngine({ pool, clock: systemClock });

  const coalesced = (of: (caller: number, turn: number) => string) =>
    drive(async (caller, turn) => {
      const outcome = await engine.use({
        workspaceId: 1,
        organizationId: of(caller, turn),
        dimension: "api_calls",
        amount: 1,
        key: null,
      });
      return outcome.kind === "answered" && outcome.answer.rule === null;
    });
  const onePerCall = (of: (caller: number, turn: number) => string) =>
    drive(async (caller, turn) => {
      const result = await plain.query({
        name: "plain",
        text: `update usage_quotas set current_usage = current_usage + 1
          where organization_id = $1 and dimension = 'api_calls' and current_usage + 1 <= quota_limit returning current_usage`,
        values: [of(caller, turn)],
      });
      return result.rowCount === 1;
    });
  const hot = (): string => "org_1";
  const spread = (caller: number, turn: number): string =>
    `org_${((caller * 7919 + turn * 104_729) % 1000) + 1}`;
  const contests = [
    { name: "one hot organization, group commit", run: () => coalesced(hot) },
    { name: "one hot organization, one UPDATE per call", run: () => onePerCall(hot) },
    { name: "1,000 organizations, group commit", run: () => coalesced(spread) },
    { name: "1,000 organizations, one UPDATE per call", run: () => onePerCall(spread) },
  ];
  const results = new Map<string, Round[]>(contests.map(({ name }) => [name, []]));
  const measure = async (contest: (typeof contests)[number], keep: boolean): Promise<void> => {
    await owner.query("update usage_quotas set current_usage = 0 where dimension = 'api_calls'");
    const result = await contest.run();
    const counted = await owner.query(
      "select sum(current_usage)::int8 as n from usage_quotas where dimension = 'api_calls'",
    );
    const total = Number(counted.rows[0].n);
    if (total !== result.granted) {
      throw new Error(`${contest.name}: ${result.granted} were granted and ${total} counted.`);
    }
    if (keep) {
      results.get(contest.name)?.push(result);
    }
  };
  for (let round = 0; round <= rounds; round += 1) {
    for (const contest of contests) {
      await measure(contest, round > 0); // round 0 warms up
    }
  }
  const summary = contests.map(({ name }) => {
    const all = results.get(name) ?? [];
    return {
      name,
      perSecond: Math.round(median(all.map((each) => each.perSecond))),
      p50: Number(median(all.map((each) => each.p50)).toFixed(2)),
      p99: Number(median(all.map((each) => each.p99)).toFixed(2)),
    };
  });
  for (const { name, perSecond, p50, p99 } of summary) {
    process.stdout.write(
      `${name.padEnd(44)} ${String(perSecond).padStart(8)}/s  p50 ${p50} ms  p99 ${p99} ms\n`,
    );
  }
  const rate = (index: number): number => summary[index]?.perSecond ?? 0;
  const ratios = { hot: rate(0) / rate(1), spread: rate(2) / rate(3) };
  process.stdout.write(
    `ratio: hot ${ratios.hot.toFixed(1)} x, spread ${ratios.spread.toFixed(1)} x\n`,
  );
  process.stdout.write(
    `${JSON.stringify({ bench: "quota", callers: CALLERS, seconds, rounds, summary, ratios })}\n`,
  );
  await Promise.all([pool.end(), plain.end(), owner.end()]);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
