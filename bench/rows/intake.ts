import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  judge,
  barText,
  ratios,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { type Target, loadVolley } from "../kit/load.ts";
import { type Inserter, bodiesOf, startHttpPeer, startInserter } from "../kit/peers.ts";
import { type Intake, SEEDED, lostOf, seed, startIntake } from "../kit/product.ts";
import { watchUsage } from "../kit/usage.ts";
import type { LoadResult } from "../load/protocol.ts";

const TIMES_MUST: Bar = { must: 6, aim: 12, better: "more", unit: " x" };
const INSERT_MUST: Bar = { must: 1.5, aim: 2.5, better: "more", unit: " x" };
const P50_MUST: Bar = { must: 10, aim: null, better: "less", unit: " ms" };
const P99_MUST: Bar = { must: 40, aim: 20, better: "less", unit: " ms" };
const DISK_MUST: Bar = { must: 0.3, aim: 0.15, better: "less", unit: " x" };

interface Shot extends LoadResult {
  /** Processor microseconds per answered event: noise of the machine changes it little. */
  readonly cost: { readonly server: number; readonly postgres: number; readonly load: number };
  /** Cores that others kept busy: anything above 0.1 spoils the rates. */
  readonly elsewhere: number;
}

/** Sends the next stretch of a subject's story for some seconds. `most` is more than it can answer in that time. */
async function shoot(
  subject: { readonly target: Target & { readonly pid: number }; at: number },
  bench: Bench,
  volley: {
    readonly connections: number;
    readonly seconds: number;
    readonly most: number;
    readonly wantIds: boolean;
  },
): Promise<Shot> {
  const loaded = await loadVolley(subject.target, {
    connections: volley.connections,
    story: bench.story,
    from: subject.at,
    to: subject.at + Math.round(volley.most * volley.seconds),
    seconds: volley.seconds,
    warmupS: Math.min(0.5, volley.seconds / 5),
    wantIds: volley.wantIds,
  });
  await bench.checkpoint();
  const usage = watchUsage(bench, { server: subject.target.pid });
  const result = await loaded.fire();
  const used = usage();
  subject.at += result.sent;
  const refused = Object.entries(result.refused);
  if (refused.length > 0) {
    bench.say(`  refused: ${refused.map(([what, count]) => `${count} x ${what}`).join(", ")}`);
  }
  const perEvent = (seconds: number): number => (seconds * 1e6) / Math.max(1, result.acked);
  return {
    ...result,
    cost: {
      server: perEvent(used.parts.server),
      postgres: perEvent(used.postgres),
      load: perEvent(result.cpuS),
    },
    elsewhere:
      Math.max(0, used.busy - used.parts.server - used.postgres - result.cpuS) / used.seconds,
  };
}

function costs(shot: Shot | undefined): string {
  if (shot === undefined) {
    return "";
  }
  const { server, postgres, load } = shot.cost;
  return `processor per event: server ${short(server)}, Postgres ${short(postgres)}, load ${short(load)} us; others kept ${shot.elsewhere.toFixed(2)} cores busy`;
}

interface Rounds {
  readonly ours256: Shot[];
  readonly ours64: Shot[];
  readonly engine: Shot[];
  readonly oneCommit: Shot[];
  readonly bare: Shot[];
  readonly inserts: number[];
  acked: number;
  lost: number;
}

interface Subjects {
  readonly purser: { target: Intake; at: number };
  readonly engine: { target: Target & { pid: number; stop(): Promise<void> }; at: number };
  readonly oneCommit: { target: Target & { pid: number; stop(): Promise<void> }; at: number };
  readonly bare: { target: Target & { pid: number; stop(): Promise<void> }; at: number };
  readonly inserter: Inserter;
}

async function oneRound(bench: Bench, subjects: Subjects, rounds: Rounds): Promise<void> {
  const seconds = bench.pick(1.5, 5, 10);
  const ours = await shoot(subjects.purser, bench, {
    connections: 256,
    seconds,
    most: 22_000,
    wantIds: true,
  });
  rounds.ours256.push(ours);
  rounds.acked += ours.acked;
  rounds.lost += await lostOf(bench, ours.ackedIds);
  const engine = await shoot(subjects.engine, bench, {
    connections: 256,
    seconds,
    most: 4_000,
    wantIds: false,
  });
  rounds.engine.push(engine);
  await bench.checkpoint();
  rounds.inserts.push((await subjects.inserter.round(seconds)).perSecond);
  const calm = await shoot(subjects.purser, bench, {
    connections: 64,
    seconds,
    most: 20_000,
    wantIds: true,
  });
  rounds.ours64.push(calm);
  rounds.acked += calm.acked;
  rounds.lost += await lostOf(bench, calm.ackedIds);
  rounds.oneCommit.push(
    await shoot(subjects.oneCommit, bench, {
      connections: 64,
      seconds,
      most: 14_000,
      wantIds: false,
    }),
  );
  bench.say(
    `  intake ${short(ours.perSecond)}/s, sync engine ${short(engine.perSecond)}/s, inserts ${short(rounds.inserts.at(-1) ?? 0)}/s; ` +
      `64 connections p50 ${short(calm.p50)} p99 ${short(calm.p99)} ms; ${costs(ours)}`,
  );
}

const INBOX_BYTES = `
  select sum(pg_total_relation_size(c.oid))::float8 as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pgboss')
     and (c.relname like 'inbox%' or c.relname like 'audit%')`;

async function inboxSize(bench: Bench): Promise<{ bytes: number; events: number }> {
  const sizes = await bench.sql<{ bytes: number }>(INBOX_BYTES);
  const counts = await bench.sql<{ events: number }>(
    "select count(*)::float8 as events from inbox_events",
  );
  return { bytes: sizes[0]?.bytes ?? 0, events: counts[0]?.events ?? 0 };
}

async function openSubjects(bench: Bench): Promise<Subjects> {
  await bench.freshPurser();
  const intake = await startIntake(bench);
  await seed(bench, intake);
  const engine = await startHttpPeer(bench, "sync-engine");
  const oneCommit = await startHttpPeer(bench, "one-commit");
  const bare = await startHttpPeer(bench, "verify-only");
  const inserter = await startInserter(bench, bodiesOf(bench, SEEDED, 2_000 * 5));
  return {
    purser: { target: intake, at: SEEDED },
    engine: { target: engine, at: 0 },
    oneCommit: { target: oneCommit, at: SEEDED },
    bare: { target: bare, at: SEEDED },
    inserter,
  };
}

function p99Figure(rounds: Rounds): Figure {
  const p50 = spreadOf(rounds.ours64.map((shot) => shot.p50));
  const p99 = spreadOf(rounds.ours64.map((shot) => shot.p99));
  const theirs = spreadOf(rounds.oneCommit.map((shot) => shot.p99));
  const worse = [judge(p50.median, P50_MUST), judge(p99.median, P99_MUST)];
  return {
    row: "3",
    work: "answer at 64 connections",
    beside: "one commit per event",
    must: `p50 ${barText(P50_MUST, 10)}, p99 ${barText(P99_MUST, 40)}`,
    aim: `p99 ${barText(P99_MUST, 20)}`,
    measured: `p50 ${showSpread(p50, " ms")}, p99 ${showSpread(p99, " ms")}; one commit per event: p99 ${showSpread(theirs, " ms")}`,
    verdict: worse.includes("broken")
      ? "broken"
      : worse.includes("missed")
        ? "missed"
        : (worse[1] ?? "broken"),
  };
}

function limits(rounds: Rounds): Figure[] {
  const rate = (shots: readonly Shot[]): string =>
    `${showSpread(spreadOf(shots.map((shot) => shot.perSecond)))}/s`;
  return [
    told(
      "1",
      "Purser's intake, 256 connections",
      `${rate(rounds.ours256)}; ${costs(rounds.ours256.at(-1))}`,
    ),
    told(
      "1",
      "stripe-sync-engine, 256 connections",
      `${rate(rounds.engine)}; ${costs(rounds.engine.at(-1))}`,
    ),
    told("1", "limit: the same fastify with the signature and nothing else", rate(rounds.bare)),
    told(
      "2",
      "64 connections, one jsonb row a commit",
      `${showSpread(spreadOf(rounds.inserts))}/s`,
    ),
    told("3", "one commit per event over HTTP, 64 connections", rate(rounds.oneCommit)),
    {
      ...told("1", "acknowledged events that are not stored", `${rounds.lost} of ${rounds.acked}`),
      must: "0",
      verdict: rounds.lost === 0 ? "aim" : "missed",
    },
  ];
}

/** Rows 1, 2, 3 and 7: everything that happens before the answer. */
export async function measureIntake(bench: Bench): Promise<readonly Figure[]> {
  const subjects = await openSubjects(bench);
  const rounds: Rounds = {
    ours256: [],
    ours64: [],
    engine: [],
    oneCommit: [],
    bare: [],
    inserts: [],
    acked: 0,
    lost: 0,
  };
  const before = await inboxSize(bench);
  for (let turn = 0; turn < bench.pick(2, 5, 7); turn += 1) {
    await oneRound(bench, subjects, rounds);
  }
  rounds.bare.push(
    await shoot(subjects.bare, bench, {
      connections: 256,
      seconds: 1.5,
      most: 60_000,
      wantIds: false,
    }),
  );
  const after = await inboxSize(bench);
  const rows = await subjects.inserter.round(0.01);
  await Promise.all([
    subjects.purser.target.stop(),
    subjects.engine.target.stop(),
    subjects.oneCommit.target.stop(),
    subjects.bare.target.stop(),
    subjects.inserter.stop(),
  ]);
  const ours = (after.bytes - before.bytes) / Math.max(1, after.events - before.events);
  const theirs = rows.bytes / Math.max(1, rows.rows);
  const perSecond = (shots: readonly Shot[]): number[] => shots.map((shot) => shot.perSecond);
  return [
    figure(
      {
        row: "1",
        work: "intake over HTTP, 256 connections",
        beside: "stripe-sync-engine behind the same fastify",
      },
      ratios(perSecond(rounds.ours256), perSecond(rounds.engine)),
      TIMES_MUST,
    ),
    figure(
      {
        row: "2",
        work: "the same",
        beside: "64 connections, one jsonb row a commit, without HTTP",
      },
      ratios(perSecond(rounds.ours256), rounds.inserts),
      INSERT_MUST,
    ),
    p99Figure(rounds),
    figure(
      {
        row: "7",
        work: "bytes on disk an event: inbox, dedupe, work and audit with their indexes",
        beside: "jsonb row",
        detail: `${ours.toFixed(0)} B beside ${theirs.toFixed(0)} B, work still waiting`,
      },
      spreadOf([ours / theirs]),
      DISK_MUST,
    ),
    ...limits(rounds),
  ];
}
