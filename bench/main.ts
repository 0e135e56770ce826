/**
 * npm run bench [-- --quick | --full] [--only name[,name]] [--strict] [--profile <folder>]
 *
 * Measures Purser as it runs (its real intake, worker and start) beside its peers in one run, on one
 * cluster with fsync on, in interleaved rounds, and prints one table. A whole run also writes
 * docs/reference/benchmarks.md. The exit code is 0 unless the bench itself broke, or with --strict
 * where a "must" was missed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { type Bench, type Size, openBench } from "./kit/bench.ts";
import { type Figure, notRun } from "./kit/figures.ts";
import { ensurePeers } from "./kit/peers.ts";
import { BENCH, ROOT, stopEverything } from "./kit/processes.ts";
import { page, table } from "./kit/report.ts";
import { measureBacklog } from "./rows/backlog.ts";
import { measureConsole } from "./rows/console.ts";
import { measureGrowth } from "./rows/growth.ts";
import { measureIntake } from "./rows/intake.ts";
import { measureProjected } from "./rows/projected.ts";
import { measureQuota } from "./rows/quota.ts";
import { measureStart } from "./rows/start.ts";
import { measureStored } from "./rows/stored.ts";
import { measureTroubles } from "./rows/troubles.ts";

interface Group {
  readonly name: string;
  readonly rows: string;
  readonly what: string;
  readonly quick: boolean;
  run(bench: Bench): Promise<readonly Figure[]>;
}

const GROUPS: readonly Group[] = [
  {
    name: "intake",
    rows: "1, 2, 3, 7",
    what: "everything before the answer",
    quick: true,
    run: measureIntake,
  },
  {
    name: "projected",
    rows: "4",
    what: "intake and worker at once",
    quick: true,
    run: measureProjected,
  },
  {
    name: "backlog",
    rows: "5, 6",
    what: "working off a backlog",
    quick: true,
    run: measureBacklog,
  },
  {
    name: "growth",
    rows: "8",
    what: "a backlog a hundred times as long",
    quick: false,
    run: measureGrowth,
  },
  {
    name: "stored",
    rows: "9",
    what: "intake with much stored, and duplicates",
    quick: false,
    run: measureStored,
  },
  {
    name: "troubles",
    rows: "10",
    what: "a failing key, and bulk in the queue",
    quick: false,
    run: measureTroubles,
  },
  { name: "quota", rows: "11", what: "one hot organization", quick: true, run: measureQuota },
  {
    name: "start",
    rows: "15",
    what: "second start, and Postgres after kill -9",
    quick: false,
    run: measureStart,
  },
  {
    name: "console",
    rows: "16",
    what: "first page and interactions",
    quick: false,
    run: measureConsole,
  },
];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Wish {
  readonly size: Size;
  readonly groups: readonly Group[];
  readonly whole: boolean;
  readonly strict: boolean;
  readonly profile: string | null;
}

function readWish(): Wish | string {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const names = values.only.flatMap((each) => each.split(",")).filter((each) => each !== "");
  const unknown = names.find((name) => GROUPS.every((group) => group.name !== name));
  if (values.help || unknown !== undefined) {
    const list = GROUPS.map(
      (group) => `  ${group.name.padEnd(10)} rows ${group.rows.padEnd(12)} ${group.what}`,
    );
    const head = unknown === undefined ? "" : `There is no group of rows called ${unknown}.\n`;
    return `${head}npm run bench -- [--quick | --full] [--only name] [--strict] [--profile folder]\n${list.join("\n")}`;
  }
  const size: Size = values.quick ? "quick" : values.full ? "full" : "default";
  const usual = GROUPS.filter((group) => size !== "quick" || group.quick);
  return {
    size,
    groups: names.length === 0 ? usual : GROUPS.filter((group) => names.includes(group.name)),
    whole: names.length === 0,
    strict: values.strict,
    profile: values.profile === undefined ? null : resolve(values.profile),
  };
}

/** A group that breaks is reported in the table; the others still run. */
async function runGroup(
  group: Group,
  bench: Bench,
): Promise<{ figures: readonly Figure[]; broke: boolean }> {
  say(`\n== ${group.name}: ${group.what}`);
  const begun = performance.now();
  try {
    const figures = await group.run(bench);
    for (const line of await bench.statements()) {
      say(`  ${line}`);
    }
    say(`  took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    return { figures, broke: false };
  } catch (error) {
    say(`  broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    await stopEverything();
    const why = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
    return {
      figures: [
        {
          row: group.rows,
          work: group.what,
          beside: "",
          must: "",
          aim: "",
          measured: why.slice(0, 160),
          verdict: "broken",
        },
      ],
      broke: true,
    };
  }
}

async function run(wish: Wish): Promise<number> {
  ensurePeers(say);
  const bench = await openBench(wish.size, wish.profile, say);
  const figures: Figure[] = [];
  let broke = false;
  try {
    for (const group of wish.groups) {
      const result = await runGroup(group, bench);
      figures.push(...result.figures);
      broke ||= result.broke;
    }
    if (wish.whole) {
      const left = GROUPS.filter((group) => !wish.groups.includes(group));
      figures.push(
        ...left.map((group) => notRun(group.rows, group.what, `not part of --${wish.size}`)),
      );
    }
    process.stdout.write(`\n${table(figures)}\n`);
    const results = join(BENCH, "results");
    mkdirSync(results, { recursive: true });
    const text = page({ size: wish.size, machine: bench.machine, figures });
    writeFileSync(join(results, "last.md"), text);
    if (wish.whole) {
      const file = join(ROOT, "docs", "reference", "benchmarks.md");
      mkdirSync(join(ROOT, "docs", "reference"), { recursive: true });
      writeFileSync(file, text);
      say("Written to docs/reference/benchmarks.md");
    }
  } finally {
    await stopEverything();
    await bench.close();
  }
  const missed = figures.some((each) => each.verdict === "missed");
  return broke || (wish.strict && missed) ? 1 : 0;
}

const wish = readWish();
if (typeof wish === "string") {
  say(wish);
  process.exitCode = 2;
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      // The groups break on their dead children; run() then closes the cluster.
      void stopEverything();
    });
  }
  process.exitCode = await run(wish);
}
