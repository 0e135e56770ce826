import { join } from "node:path";

import { systemClock } from "#platform/clock.ts";
import { type Config, DEFAULTS, PROJECT_ROOT } from "#platform/config/env.ts";
import { migrateUp } from "#platform/db/migrate.ts";
import { startEmbeddedPostgres } from "#platform/postgres/embedded.ts";

import { type Child, startChild } from "./children.ts";
import {
  type Database,
  embeddedFolder,
  external,
  fromEmbedded,
  loginPasswords,
} from "./database.ts";
import { type FirstStart, prepareFirstStart } from "./first-start.ts";
import { requireFreePorts } from "./ports.ts";
import { type Progress, openProgress } from "./progress.ts";
import {
  type SandboxAccess,
  demoSandbox,
  sandboxArguments,
  sandboxEnvironment,
} from "./sandbox.ts";
import { serve } from "./serve.ts";

const MAIN = join(PROJECT_ROOT, "server/src/main.ts");
const SANDBOX_MAIN = join(PROJECT_ROOT, "sandbox/src/main.ts");
/** A worker finishes the batch in its hands; longer than that is a hang. */
const PATIENCE_MS = 12_000;

interface Stoppable {
  stop(): Promise<void>;
}

/** Starts everything on this machine, prints where to look, and answers with the way to stop it all. */
export async function start(config: Config, write: (text: string) => void): Promise<Stoppable> {
  const running: Stoppable[] = [];
  const stop = async (): Promise<void> => {
    for (const part of running.toReversed()) {
      await part.stop();
    }
    running.length = 0;
  };
  const progress = openProgress(write, {
    monotonicMs: () => systemClock.monotonicMs(),
    live: process.stdout.isTTY,
  });
  try {
    await requireFreePorts(config);
    const database = await openDatabase(config, progress, running);
    const sandbox = config.sandbox ? demoSandbox(config) : null;
    // The worker's process needs a second to load: it does so while the desk opens.
    const worker = startWorker(config, database, progress);
    running.push({ stop: async () => (await worker.catch(() => null))?.stop() });
    const first = await progress.step("Workspace, owner and endpoints", () =>
      prepareFirstStart(config, database, sandbox),
    );
    const http = await progress.step(`API, webhooks and console on ${config.publicUrl}`, () =>
      serve(config, database),
    );
    running.push(http);
    await progress.step("Worker", () => worker);
    if (sandbox !== null) {
      running.push(
        await progress.step(`Stripe sandbox on 127.0.0.1:${config.sandboxPort}`, () =>
          startSandbox(config, sandbox, progress),
        ),
      );
    }
    progress.say(banner(config, first, sandbox));
    return {
      stop: async () => {
        progress.say("Stopping: the worker finishes what is in its hands ...");
        await stop();
        progress.say(`Stopped. Everything is kept in ${config.dataDir}.`);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openDatabase(
  config: Config,
  progress: Progress,
  running: Stoppable[],
): Promise<Database> {
  const say = (line: string): void => {
    progress.say(`    ${line}`);
  };
  if (config.databaseUrl !== null) {
    const url = config.databaseUrl;
    await progress.step("Migrations", () =>
      migrateUp({ ownerUrl: url, passwords: loginPasswords(config), log: say }),
    );
    return external(config, url);
  }
  const postgres = await progress.step("Postgres (embedded)", () =>
    startEmbeddedPostgres({ dataDir: embeddedFolder(config), log: say }),
  );
  running.push(postgres);
  await progress.step("Migrations", () =>
    migrateUp({
      ownerUrl: postgres.ownerUrl,
      passwords: {
        service: postgres.credentials.purser_service,
        operator: postgres.credentials.purser_operator,
      },
      log: () => undefined,
    }),
  );
  return fromEmbedded(postgres);
}

function startWorker(config: Config, database: Database, progress: Progress): Promise<Child> {
  return startChild({
    name: "worker",
    script: MAIN,
    inherits: "all",
    args: ["work", "--leashed"],
    env: {
      PURSER_DATA: config.dataDir,
      PURSER_PORT: String(config.port),
      ...(database.embedded ? {} : { PURSER_DATABASE_URL: database.ownerUrl }),
    },
    logFile: join(config.dataDir, "logs", "worker.log"),
    onEvent: (sentence) => {
      progress.say(sentence);
    },
    patienceMs: PATIENCE_MS,
  });
}

function startSandbox(config: Config, sandbox: SandboxAccess, progress: Progress): Promise<Child> {
  return startChild({
    name: "sandbox",
    script: SANDBOX_MAIN,
    args: sandboxArguments(config, sandbox),
    env: sandboxEnvironment(sandbox),
    inherits: "bare",
    logFile: join(config.dataDir, "logs", "sandbox.log"),
    onEvent: (sentence) => {
      progress.say(sentence);
    },
    patienceMs: PATIENCE_MS,
  });
}

/** What another terminal must know to find an instance that is not at its usual place. */
function elsewhere(config: Config): readonly string[] {
  const moved = [
    config.port === DEFAULTS.port ? null : `PURSER_PORT=${config.port}`,
    config.sandboxPort === DEFAULTS.sandboxPort
      ? null
      : `PURSER_SANDBOX_PORT=${config.sandboxPort}`,
    config.dataDir === DEFAULTS.dataDir ? null : `PURSER_DATA=${config.dataDir}`,
  ].filter((each) => each !== null);
  return moved.length === 0 ? [] : [`  First          export ${moved.join(" ")}`];
}

function banner(config: Config, first: FirstStart, sandbox: SandboxAccess | null): string {
  const lines = [
    "",
    `  Purser is up:  ${config.publicUrl}`,
    "",
    `  Sign in as     ${first.ownerEmail}`,
    `  password       ${first.ownerPassword}`,
    `  API token      ${first.tokenPlace}`,
    "",
    ...elsewhere(config),
    "  Try            ./purser today",
    "                 ./purser inbox list",
    "                 ./purser customers search",
  ];
  if (sandbox !== null) {
    lines.push(
      `                 ./purser sandbox fault duplicates --rate 0.3`,
      "",
      `  The sandbox plays Stripe on 127.0.0.1:${config.sandboxPort}: its customers subscribe, pay, fail,`,
      "  change plan and cancel. Watch them arrive in the console.",
    );
  }
  lines.push("", "  Ctrl-C drains and stops everything.", "");
  return lines.join("\n");
}
