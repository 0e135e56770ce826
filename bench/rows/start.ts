import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Bench } from "../kit/bench.ts";
import { type Bar, type Figure, figure, short, spreadOf, told } from "../kit/figures.ts";
import { loadVolley } from "../kit/load.ts";
import { ROOT, freePort } from "../kit/processes.ts";
import { SEEDED, lostOf, startIntake } from "../kit/product.ts";

const START: Bar = { must: 5, aim: 2, better: "less", unit: " s" };
const RECOVERY: Bar = { must: 5, aim: 2, better: "less", unit: " s" };

function health(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/health", timeout: 1_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on("error", () => resolve(false));
    request.on("timeout", () => request.destroy());
  });
}

async function stopGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null) {
    return;
  }
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve()); // when the last of the group has let go of our pipes
  });
  process.kill(-pid, "SIGINT");
  const timer = setTimeout(() => process.kill(-pid, "SIGKILL"), 30_000);
  await ended;
  clearTimeout(timer);
}

/** A spool of this size is in the database within seconds; one that is not by now is stuck. */
const SPOOL_PATIENCE_MS = 60_000;

/** `npm start` as a person types it, until /health says 200. Seconds. */
async function startOnce(folder: string): Promise<number> {
  const port = await freePort();
  const sandboxPort = await freePort();
  const begun = performance.now();
  const child: ChildProcess = spawn("npm", ["start"], {
    cwd: ROOT,
    env: {
      ...process.env,
      PURSER_DATA: folder,
      PURSER_PORT: String(port),
      PURSER_SANDBOX_PORT: String(Math.min(sandboxPort, 65_000)),
      PURSER_DATABASE_URL: "",
      NODE_ENV: "development",
    },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that the signal reaches what npm started, as Ctrl-C at a terminal does.
    detached: true,
  });
  let said = "";
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString("utf8")).slice(-3_000);
  };
  child.stdout?.on("data", listen);
  child.stderr?.on("data", listen);
  try {
    while (!(await health(port))) {
      if (child.exitCode !== null || performance.now() - begun > 120_000) {
        throw new Error(`npm start did not become healthy.\n${said}`);
      }
      await pause(20);
    }
    const seconds = (performance.now() - begun) / 1000;
    for (let waited = 0; waited < 200 && !said.includes("Purser is up"); waited += 1) {
      await pause(100);
    }
    return seconds;
  } finally {
    await stopGroup(child);
  }
}

async function measureStarts(bench: Bench): Promise<Figure[]> {
  const folder = join(ROOT, ".purser", "bench-start");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const first = await startOnce(folder);
    const later: number[] = [];
    for (let turn = 0; turn < bench.pick(1, 3, 5); turn += 1) {
      later.push(await startOnce(folder));
      bench.say(`  first ${short(first)} s, again ${short(later.at(-1) ?? 0)} s`);
    }
    return [
      figure(
        {
          row: "15",
          work: "npm start, second time, to healthy",
          beside: "-",
          detail: `first time ${short(first)} s`,
        },
        spreadOf(later),
        START,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** SIGKILL to the postmaster while the intake is at its limit; until it takes connections again. */
async function measureRecovery(bench: Bench): Promise<Figure[]> {
  await bench.freshPurser();
  const intake = await startIntake(bench);
  const times: number[] = [];
  let at = SEEDED;
  let acked = 0;
  let lost = 0;
  let worstMs = 0;
  for (let turn = 0; turn < bench.pick(1, 3, 5); turn += 1) {
    const seconds = bench.pick(6, 10, 12);
    const loaded = await loadVolley(intake, {
      connections: 256,
      story: bench.story,
      from: at,
      to: at + seconds * 22_000,
      seconds,
      wantIds: true,
    });
    const firing = loaded.fire();
    await pause(bench.pick(2_500, 4_000, 6_000));
    const begun = performance.now();
    await bench.cluster.kill9();
    await bench.cluster.ready();
    times.push((performance.now() - begun) / 1000);
    const result = await firing;
    at += result.sent;
    worstMs = Math.max(worstMs, result.max);
    acked += result.acked;
    // What was taken to the spool meanwhile goes to the database by itself.
    const drained = performance.now();
    let missing = await lostOf(bench, result.ackedIds);
    while (missing > 0 && performance.now() - drained < SPOOL_PATIENCE_MS) {
      await pause(250);
      missing = await lostOf(bench, result.ackedIds);
    }
    lost += missing;
    bench.say(
      `  all stored ${short((performance.now() - drained) / 1000)} s after the load ended, but ${missing}`,
    );
    const refused = Object.entries(result.refused).map(([what, count]) => `${count} x ${what}`);
    bench.say(
      `  back after ${short(times.at(-1) ?? 0)} s; ${result.acked} answered, slowest ${short(result.max)} ms, ${refused.join(", ") || "none refused"}`,
    );
    appendFileSync(bench.logFile, `kill -9 round ${turn}: ${JSON.stringify(result.refused)}\n`);
  }
  await intake.stop();
  return [
    figure(
      {
        row: "15",
        work: "embedded Postgres after kill -9 at full intake, to the first answer",
        beside: "-",
      },
      spreadOf(times),
      RECOVERY,
    ),
    {
      ...told(
        "15",
        "acknowledged around the kill and not stored",
        `${lost} of ${acked}; slowest answer ${short(worstMs)} ms`,
      ),
      must: "0",
      verdict: lost === 0 ? "aim" : "missed",
    },
  ];
}

/** Row 15. */
export async function measureStart(bench: Bench): Promise<readonly Figure[]> {
  const recovery = await measureRecovery(bench);
  const starts = await measureStarts(bench);
  return [...recovery, ...starts];
}
