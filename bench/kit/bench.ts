import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import pg from "pg";

import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../server/src/platform/postgres/embedded.ts";
import type { Story } from "../load/protocol.ts";
import { type Machine, describeMachine } from "./machine.ts";
import { type Part, ROOT, freePort, startPart } from "./processes.ts";

export type Size = "quick" | "default" | "full";

export interface Bench {
  readonly size: Size;
  readonly machine: Machine;
  readonly cluster: EmbeddedPostgres;
  /** PURSER_DATA of the installation under test. */
  readonly dataDir: string;
  readonly logFile: string;
  readonly story: Story;
  readonly peersUrl: string;
  /** Where processor profiles of Purser's parts go; null without --profile. */
  readonly profile: string | null;
  /** One connection of the superuser to Purser's database: sees every workspace. */
  sql<Row extends pg.QueryResultRow>(
    statement: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Purser's database as the first start left it: migrated, one workspace, its endpoint. */
  freshPurser(): Promise<void>;
  checkpoint(): Promise<void>;
  /** With --profile: the statements that took longest since the last call, as lines. */
  statements(): Promise<readonly string[]>;
  say(text: string): void;
  pick<T>(quick: T, usual: T, full: T): T;
}

const SETTINGS: Readonly<Record<Size, Readonly<Record<string, string>>>> = {
  quick: {
    shared_buffers: "512MB",
    max_wal_size: "2GB",
    min_wal_size: "1GB",
    checkpoint_timeout: "15min",
  },
  default: {
    shared_buffers: "1GB",
    max_wal_size: "4GB",
    min_wal_size: "4GB",
    checkpoint_timeout: "15min",
  },
  full: {
    shared_buffers: "1GB",
    max_wal_size: "4GB",
    min_wal_size: "4GB",
    checkpoint_timeout: "15min",
  },
};

/** With --profile: what each statement cost, those inside functions too. It costs a few per cent itself. */
const STATEMENTS = {
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track": "all",
  track_io_timing: "on",
};

const ADMIN_TOKEN = "bench-admin-token-0123456789abcdef";

/** The environment of every part of Purser that the bench starts. */
export function purserEnvironment(dataDir: string, port: number): Record<string, string> {
  return {
    PURSER_DATA: dataDir,
    PURSER_PORT: String(port),
    PURSER_DEMO: "off",
    PURSER_SANDBOX: "off",
    PURSER_LOG_LEVEL: "warn",
    PURSER_ADMIN_TOKEN: ADMIN_TOKEN,
    PURSER_DATABASE_URL: "",
    STRIPE_WEBHOOK_SECRET: "whsec_bench_0123456789abcdefghijklmnopqrstuv",
    NODE_ENV: "development",
  };
}

export const PURSER_MAIN = join(ROOT, "server", "src", "main.ts");

async function startPurser(dataDir: string, logFile: string): Promise<Part & { port: number }> {
  const port = await freePort();
  const part = await startPart([process.execPath, PURSER_MAIN, "start"], {
    env: purserEnvironment(dataDir, port),
    logFile,
    readyWhen: /Purser is up/,
  });
  return { ...part, port };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** WAL files that exist already are recycled; making new ones inside a measurement would be measured too. */
async function prewarmWal(url: string, megabytes: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(
      "select count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) from generate_series(1, $1)",
      [megabytes],
    );
    await client.query("checkpoint");
  });
}

async function slowestStatements(url: string): Promise<readonly string[]> {
  return withClient(url, async (client) => {
    const found = await client.query<{
      calls: number;
      total: number;
      mean: number;
      rows: number;
      top: boolean;
      text: string;
    }>(
      `select calls::float8, total_exec_time as total, mean_exec_time as mean, rows::float8, toplevel as top,
              left(regexp_replace(query, '\\s+', ' ', 'g'), 150) as text
         from pg_stat_statements order by total_exec_time desc limit 30`,
    );
    await client.query("select pg_stat_statements_reset()");
    return found.rows.map(
      ({ calls, total, mean, rows, top, text }) =>
        `${total.toFixed(0).padStart(8)} ms ${String(calls).padStart(7)} x ${mean.toFixed(2).padStart(8)} ms ${String(rows).padStart(8)} rows ${top ? " " : "in"} ${text}`,
    );
  });
}

/** One cluster for the whole run: made by the product's own first start, then started by us with the bench's sizes. */
export async function openBench(
  size: Size,
  profile: string | null,
  say: (text: string) => void,
): Promise<Bench & { close(): Promise<void> }> {
  const folder = join(ROOT, ".purser", "bench");
  const dataDir = join(folder, "data");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, "parts.log");
  say("First start of Purser, to make its database ...");
  const first = await startPurser(dataDir, logFile);
  await first.stop();
  const cluster = await startEmbeddedPostgres({
    dataDir: join(dataDir, "postgres"),
    log: (line) => say(`  ${line}`),
    settings: profile === null ? SETTINGS[size] : { ...SETTINGS[size], ...STATEMENTS },
  });
  const adminUrl = cluster.superuserUrl;
  const purserUrl = adminUrl.replace(/\/postgres$/, "/purser");
  await withClient(adminUrl, async (admin) => {
    await admin.query("alter database purser rename to purser_clean");
    await admin.query("create database purser owner purser_owner template purser_clean");
    if (profile !== null) {
      await admin.query("create extension if not exists pg_stat_statements");
    }
    await admin.query("create database peers owner purser_owner");
  });
  await prewarmWal(adminUrl, size === "quick" ? 500 : 3_000);

  const state: { sql: pg.Client | null } = { sql: null };
  const connect = async (): Promise<pg.Client> => {
    if (state.sql === null) {
      const client = new pg.Client({ connectionString: purserUrl });
      client.on("error", () => {
        state.sql = null;
      });
      await client.connect();
      state.sql = client;
    }
    return state.sql;
  };
  const disconnect = async (): Promise<void> => {
    await state.sql?.end().catch(() => undefined);
    state.sql = null;
  };
  return {
    size,
    machine: describeMachine(folder, cluster.version),
    cluster,
    dataDir,
    logFile,
    story: { tag: "Bench", epochS: Math.floor(performance.timeOrigin / 1000) - 20 * 86_400 },
    profile,
    // As superuser: the sync engine's migrations give their functions to the role postgres.
    peersUrl: adminUrl.replace(/\/postgres$/, "/peers"),
    sql: async (statement, values = []) => {
      const client = await connect();
      const result = await client.query(statement, [...values]);
      return result.rows;
    },
    freshPurser: async () => {
      await disconnect();
      await withClient(adminUrl, async (admin) => {
        await admin.query("drop database purser with (force)");
        await admin.query("create database purser owner purser_owner template purser_clean");
        await admin.query("checkpoint");
      });
    },
    checkpoint: () =>
      withClient(adminUrl, async (admin) => {
        await admin.query("checkpoint");
      }),
    statements: () => (profile === null ? Promise.resolve([]) : slowestStatements(adminUrl)),
    say,
    pick: (quick, usual, full) => (size === "quick" ? quick : size === "default" ? usual : full),
    close: async () => {
      await disconnect();
      await cluster.stop();
      rmSync(cluster.dataDir, { recursive: true, force: true });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
