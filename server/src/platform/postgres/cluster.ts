import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { totalmem } from "node:os";
import { join } from "node:path";

import type { Binaries } from "./binaries.ts";
import { type Home, give, rememberedPort } from "./home.ts";
import { type Account, commandLine, isAlive, runToEnd } from "./shell.ts";

export type Durability = "full" | "tests";

const MEBI = 1024 * 1024;

/**
 * Two cores and a disk of unknown speed. max_wal_size bounds crash recovery (5 s at the most after
 * kill -9 at full ingest); the low autovacuum thresholds are for the inbox, whose work rows are born
 * and deleted by the thousand. JIT costs more than it earns on statements of a millisecond.
 */
function settingsFor(durability: Durability): Readonly<Record<string, string>> {
  const sharedMb = Math.round(Math.min(512, Math.max(64, totalmem() / MEBI / 16)));
  const common = {
    max_connections: "200",
    superuser_reserved_connections: "5",
    work_mem: "8MB",
    jit: "off",
    random_page_cost: "1.1",
    autovacuum_naptime: "10s",
    autovacuum_vacuum_scale_factor: "0.05",
    autovacuum_analyze_scale_factor: "0.05",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    log_line_prefix: "%m [%p] %q%u@%d %a ",
  };
  if (durability === "tests") {
    return {
      ...common,
      shared_buffers: "128MB",
      fsync: "off",
      full_page_writes: "off",
      max_wal_size: "256MB",
      min_wal_size: "80MB",
      wal_level: "minimal",
      max_wal_senders: "0",
    };
  }
  return {
    ...common,
    shared_buffers: `${sharedMb}MB`,
    maintenance_work_mem: "64MB",
    max_wal_size: "1GB",
    min_wal_size: "256MB",
    checkpoint_completion_target: "0.9",
  };
}

/** The whole configuration is on the command line, so that an orphan can be compared with what is wanted. */
export function postgresArguments(
  home: Home,
  port: number,
  durability: Durability,
  settings: Readonly<Record<string, string>>,
): readonly string[] {
  const all = {
    ...settingsFor(durability),
    ...settings,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: home.sockets,
  };
  return [
    "-D",
    home.data,
    ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

export interface Running {
  readonly pid: number;
  readonly port: number;
}

/** The live postmaster of this data folder, if there is one: left by a supervisor that died. */
export function findOrphan(data: string): Running | null {
  let lines: readonly string[];
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) {
    return null;
  }
  const words = commandLine(pid);
  return words === null || words.includes(data) ? { pid, port } : null;
}

/**
 * Postgres refuses to start while the pid in postmaster.pid answers, even where that pid is by now a
 * zombie or another program (containers count their pids from 1 again). A file of a pid that is
 * simply gone is left for Postgres itself, which also checks shared memory.
 */
export function clearForeignPidFile(data: string): void {
  const file = join(data, "postmaster.pid");
  if (existsSync(file) && findOrphan(data) === null) {
    const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
    if (existsSync(`/proc/${pid}`)) {
      rmSync(file, { force: true });
    }
  }
}

export function wasStartedWith(data: string, args: readonly string[]): boolean {
  try {
    const options = readFileSync(join(data, "postmaster.opts"), "utf8").trimEnd();
    return options.endsWith(args.map((word) => `"${word}"`).join(" "));
  } catch {
    return false;
  }
}

/**
 * Makes the cluster where there is none: checksums on, C.UTF-8 of the builtin provider (sorts the
 * same on every machine and under every libc), scram for every connection. Made beside its place and
 * renamed, so that an interrupted first start leaves nothing that looks like a database.
 *
 * @throws Error with what initdb printed, or where the data are of another major version
 */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  options: {
    readonly account: Account | null;
    readonly password: string;
    readonly durability: Durability;
  },
): Promise<{ created: boolean }> {
  const versionFile = join(home.data, "PG_VERSION");
  const major = binaries.version.split(".")[0];
  if (existsSync(versionFile)) {
    const found = readFileSync(versionFile, "utf8").trim();
    if (found !== major) {
      throw new Error(
        `The database in ${home.data} is of Postgres ${found}, but ${binaries.version} is installed: it needs a dump and a restore.`,
      );
    }
    return { created: false };
  }
  const unfinished = `${home.data}.unfinished`;
  const passwordFile = `${unfinished}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  give(unfinished, options.account);
  give(passwordFile, options.account);
  try {
    const words = ["-D", unfinished, "-U", "postgres", `--pwfile=${passwordFile}`];
    words.push("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums");
    words.push("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8");
    words.push("--lc-collate=C", "--lc-ctype=C", "--lc-messages=C", "--lc-monetary=C");
    words.push("--lc-numeric=C", "--lc-time=C", "--builtin-locale=C.UTF-8");
    if (options.durability === "tests") {
      words.push("--no-sync");
    }
    const made = await runToEnd(binaries.initdb, words, { account: options.account, cwd: "/" });
    if (made.code !== 0) {
      throw new Error(`initdb failed in ${home.home}: ${made.output.trim()}`);
    }
    renameSync(unfinished, home.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(unfinished, { recursive: true, force: true });
  }
  return { created: true };
}

function probePort(port: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const server = createServer();
  server.once("error", () => resolve(null));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
    const address = server.address();
    const found = address !== null && typeof address === "object" ? address.port : null;
    server.close(() => resolve(found));
  });
  return promise;
}

/** The port of last time where it is free (addresses written down stay true), else any. @throws Error where a wished port is taken */
export async function choosePort(folder: string, wished: number | undefined): Promise<number> {
  if (wished !== undefined) {
    const got = await probePort(wished);
    if (got === null) {
      throw new Error(`Port ${wished} is taken; Postgres cannot listen there.`);
    }
    return got;
  }
  const remembered = rememberedPort(folder);
  const port = (remembered === null ? null : await probePort(remembered)) ?? (await probePort(0));
  if (port === null) {
    throw new Error("No port of 127.0.0.1 is free for Postgres.");
  }
  return port;
}
