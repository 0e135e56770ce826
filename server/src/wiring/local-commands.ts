import { setTimeout as pause } from "node:timers/promises";

import { type Command, Option } from "commander";

import { inboxWait } from "#domains/inbox/contract.ts";
import type { CliClient } from "#interfaces/cli/client.ts";
import { EXIT, type GlobalFlags } from "#interfaces/cli/program.ts";
import { systemClock } from "#platform/clock.ts";
import { type Config, readConfig } from "#platform/config/env.ts";

import { hangSandboxCommands } from "./sandbox-commands.ts";

const lazily = {
  database: () => import("./database.ts"),
  firstStart: () => import("./first-start.ts"),
  migrate: () => import("#platform/db/migrate.ts"),
  serve: () => import("./serve.ts"),
  start: () => import("./start.ts"),
  work: () => import("./work.ts"),
};

type Finish = (code: number) => void;
type Write = (text: string) => void;

interface PartFlags {
  readonly port?: string;
  readonly host?: string;
  readonly leashed?: boolean;
}

/**
 * The commands that start processes or open the database themselves; all others are operations of a running server.
 * What they need is loaded when they run: a question to the server must not wait for Postgres' and Stripe's libraries.
 */
export function hangLocalCommands(
  program: Command,
  finish: Finish,
  tools: { write: Write; connect: (flags: GlobalFlags) => CliClient },
): void {
  const { write } = tools;
  part(
    program,
    "start",
    "Start everything on this machine and print where to look",
    async (config) => {
      const { start } = await lazily.start();
      return start(config, write);
    },
  );
  part(program, "serve", "Start the API, the console and the webhook routes", async (config) => {
    const { serve } = await lazily.serve();
    const running = await serve(config, await (await lazily.database()).locateDatabase(config));
    write(`{"ready":true,"url":"${config.publicUrl}"}\n`);
    return running;
  });
  part(
    program,
    "intake",
    "Start the webhook routes alone; any number of these may run",
    async (config) => {
      const { serve } = await lazily.serve();
      const running = await serve(config, await (await lazily.database()).locateDatabase(config), {
        intakeOnly: true,
      });
      write(`{"ready":true,"url":"${config.publicUrl}"}\n`);
      return running;
    },
  );
  part(
    program,
    "work",
    "Start a worker: inbox, jobs, sealing; any number of these may run",
    async (config) => {
      const { work } = await lazily.work();
      const running = await work(config, await (await lazily.database()).locateDatabase(config));
      write('{"ready":true}\n');
      return running;
    },
  );
  hangMigrate(program, write);
  hangDatabase(program, finish, write);
  hangWait(program, finish, tools);
  hangSandboxCommands(program, finish, write);
}

/** A terminal and a process group deliver one Ctrl-C twice; a person's second one comes later than this. */
const SAME_SIGNAL_MS = 1_000;

/** A part runs until it is told to stop; the second signal ends it at once. */
function part(
  program: Command,
  name: string,
  summary: string,
  run: (config: Config) => Promise<{ stop(): Promise<void> }>,
): void {
  program
    .command(name)
    .summary(summary)
    .description(summary)
    .option("--port <port>", "PURSER_PORT (default 4000)")
    .option("--host <address>", "PURSER_HOST (default 127.0.0.1)")
    .addOption(new Option("--leashed", "End when standard input does").hideHelp())
    .action(async (flags: PartFlags) => {
      const config = readConfig({
        ...(flags.port === undefined ? {} : { PURSER_PORT: flags.port }),
        ...(flags.host === undefined ? {} : { PURSER_HOST: flags.host }),
      });
      const told = untilToldToStop(flags.leashed === true);
      try {
        const running = await run(config);
        await told.asked;
        await running.stop();
      } catch (error) {
        // What a start says that was interrupted half-way is of no use to the one who interrupted it.
        if (!told.isAsked()) {
          throw error;
        }
      } finally {
        process.stdin.destroy();
      }
    });
}

/** A part that `start` made ends with it, even when `start` is killed: its standard input closes then. */
function untilToldToStop(leashed: boolean): {
  readonly asked: Promise<void>;
  readonly isAsked: () => boolean;
} {
  let askedMs: number | null = null;
  const asked = new Promise<void>((resolve) => {
    const tell = (): void => {
      askedMs ??= systemClock.monotonicMs();
      resolve();
    };
    const hear = (): void => {
      if (askedMs !== null && systemClock.monotonicMs() - askedMs > SAME_SIGNAL_MS) {
        process.exit(EXIT.refused);
      }
      tell();
    };
    process.on("SIGINT", hear);
    process.on("SIGTERM", hear);
    if (leashed) {
      process.stdin.once("close", tell).resume();
    }
  });
  return { asked, isAsked: () => askedMs !== null };
}

function hangMigrate(program: Command, write: Write): void {
  const migrate = program.command("migrate").summary("Bring the database's tables up to date");
  const log = (line: string): void => {
    write(`${line}\n`);
  };
  migrate
    .command("up", { isDefault: true })
    .summary("Apply every migration that is not applied yet")
    .action(async () => {
      const config = readConfig();
      const { ownerUrl, embedded } = await locateOwner(config);
      const { applied } = await (
        await lazily.migrate()
      ).migrateUp({
        ownerUrl,
        passwords: embedded ? null : (await lazily.database()).loginPasswords(config),
        log,
      });
      log(
        applied.length === 0
          ? "Nothing to do: the tables are up to date."
          : `Applied ${applied.length}.`,
      );
      if (config.databaseUrl !== null) {
        // `start` does this itself; parts that run apart have nobody else to do it.
        const first = await (
          await lazily.firstStart()
        ).prepareFirstStart(config, await (await lazily.database()).locateDatabase(config), null);
        log(
          `Sign in as ${first.ownerEmail}; the first password is in ${(await lazily.firstStart()).ownerPasswordFile(config)}.`,
        );
        log(`API token: ${first.tokenPlace}`);
      }
    });
  migrate
    .command("status")
    .summary("List the migrations and whether they are applied")
    .action(async () => {
      for (const { name, state, appliedAt } of await (
        await lazily.migrate()
      ).migrationStatus(await locateOwner(readConfig()))) {
        log(`${state.padEnd(13)} ${name}  ${appliedAt?.toISOString() ?? ""}`);
      }
    });
  migrate
    .command("down")
    .argument("<number>", "go back to this migration; 0 undoes all")
    .summary("Undo migrations, newest first")
    .action(async (target: string) => {
      const { ownerUrl } = await locateOwner(readConfig());
      await (
        await lazily.migrate()
      ).migrateDownTo(Number(target), { ownerUrl, passwords: null, log });
    });
}

async function locateOwner(config: Config): Promise<{ ownerUrl: string; embedded: boolean }> {
  return config.databaseUrl === null
    ? (await lazily.database()).locateDatabase(config)
    : { ownerUrl: config.databaseUrl, embedded: false };
}

function hangDatabase(program: Command, finish: Finish, write: Write): void {
  program
    .command("db")
    .summary("The database")
    .command("url")
    .summary("Print the operator's connection string, for psql; it sees every workspace")
    .action(async () => {
      const { operatorUrl } = await (await lazily.database()).locateDatabase(readConfig());
      if (operatorUrl === null) {
        write("This database gives us no roles of our own: use the URL that you gave to Purser.\n");
        finish(EXIT.refused);
        return;
      }
      write(`${operatorUrl}\n`);
    });
}

/** `inbox wait` asks until nothing is pending, so that scripts and drills can go on; 1 after the time-out. */
function hangWait(
  program: Command,
  finish: Finish,
  tools: { write: Write; connect: (flags: GlobalFlags) => CliClient },
): void {
  const inbox =
    program.commands.find((command) => command.name() === "inbox") ??
    program.command("inbox").description("Webhooks: what came in and what became of it");
  inbox
    .command("wait")
    .summary("Wait until nothing is pending; 1 after --timeout")
    .option("--timeout <seconds>", "give up after so many seconds", "60")
    .action(async (flags: { timeout: string }, command: Command) => {
      const client = tools.connect(command.optsWithGlobals());
      const untilMs = systemClock.monotonicMs() + Number(flags.timeout) * 1000;
      const ask = async (): Promise<boolean> => {
        const answer = inboxWait.output.parse(await client.call(inboxWait, {}, {}));
        if (answer.done) {
          tools.write("Nothing is pending.\n");
          return true;
        }
        if (systemClock.monotonicMs() > untilMs) {
          tools.write(`${answer.pending} events are still pending.\n`);
          return false;
        }
        await pause(100);
        return ask();
      };
      finish((await ask()) ? EXIT.done : EXIT.refused);
    });
}
