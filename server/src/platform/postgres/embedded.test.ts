import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { migrateUp } from "#platform/db/migrate.ts";

import { type EmbeddedPostgres, embeddedUrls, startEmbeddedPostgres } from "./embedded.ts";
import { isAlive } from "./shell.ts";

let folder = "";
let said: string[] = [];
let running: EmbeddedPostgres[] = [];

beforeEach(() => {
  const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  folder = mkdtempSync(join(parent, "purser-embedded-"));
  chmodSync(folder, 0o711);
  said = [];
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  options: { readonly port?: number; readonly settings?: Record<string, string> } = {},
): Promise<EmbeddedPostgres> {
  const started = await startEmbeddedPostgres({
    dataDir: join(folder, "pg"),
    log: (message) => said.push(message),
    durability: "tests",
    ...options,
  });
  running.push(started);
  return started;
}

async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A supervisor in a process of its own, which dies by SIGKILL as soon as its Postgres answers. */
async function supervisorKilledHard(): Promise<void> {
  const module = join(import.meta.dirname, "embedded.ts");
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    await startEmbeddedPostgres({ dataDir: ${JSON.stringify(join(folder, "pg"))}, log: () => {}, durability: "tests" });
    process.stdout.write("up");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("a cluster of our own", () => {
  test("has checksums, UTF-8 that sorts alike everywhere, and passwords nobody else can read", async () => {
    const postgres = await start();
    const [row] = await ask(
      postgres.superuserUrl,
      `select current_setting('data_checksums') as checksums, datlocprovider as provider, datlocale as locale,
              pg_encoding_to_char(encoding) as encoding, current_setting('listen_addresses') as listens
         from pg_database where datname = 'purser'`,
    );
    expect(row).toEqual({
      checksums: "on",
      provider: "b",
      locale: "C.UTF-8",
      encoding: "UTF8",
      listens: "127.0.0.1",
    });
    const secrets = join(folder, "pg", "credentials.json");
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    expect(statSync(postgres.dataDir).mode & 0o777).toBe(0o700);
    const wrong = new URL(postgres.ownerUrl);
    wrong.password = "guess";
    await expect(ask(wrong.href, "select 1")).rejects.toThrow(/password authentication failed/);
  });

  test("keeps its rows, port and passwords between starts, and a stopped one is really gone", async () => {
    const first = await start();
    await ask(first.ownerUrl, "create table kept as select 7 as seven");
    const pid = first.pid();
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(first.dataDir, "postmaster.pid"))).toBe(false);
    const second = await start();
    expect(second.created).toBe(false);
    expect(second.ownerUrl).toBe(first.ownerUrl);
    expect(await ask(second.ownerUrl, "select seven from kept")).toEqual([{ seven: 7 }]);
    expect(embeddedUrls(join(folder, "pg"))?.operatorUrl).toBe(second.operatorUrl);
  });

  test("is durable unless a test asks otherwise", async () => {
    const postgres = await startEmbeddedPostgres({
      dataDir: join(folder, "durable"),
      log: () => undefined,
    });
    running.push(postgres);
    expect(
      await ask(
        postgres.superuserUrl,
        "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by 1",
      ),
    ).toEqual([
      { name: "fsync", setting: "on" },
      { name: "full_page_writes", setting: "on" },
      { name: "synchronous_commit", setting: "on" },
    ]);
  });

  test("answers on a unix socket whose path is short enough, however deep the folder", async () => {
    const deep = join(folder, "a".repeat(120));
    const postgres = await startEmbeddedPostgres({
      dataDir: deep,
      log: () => undefined,
      durability: "tests",
    });
    running.push(postgres);
    const client = new pg.Client({
      host: postgres.socketDir,
      port: postgres.port,
      user: "postgres",
      password: postgres.credentials.postgres,
      database: "postgres",
    });
    await client.connect();
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    if (!postgres.socketDir.startsWith(deep)) {
      rmSync(postgres.socketDir, { recursive: true, force: true });
    }
  });
});

describe("bad days", () => {
  test("after kill -9 it is started again, with every committed row and on the same port", async () => {
    const postgres = await start();
    await ask(postgres.ownerUrl, "create table kept as select generate_series(1, 5000) as id");
    const victim = postgres.pid();
    await postgres.kill9();
    await postgres.ready();
    expect(postgres.pid()).not.toBe(victim);
    expect(await ask(postgres.ownerUrl, "select count(*)::int as rows from kept")).toEqual([
      { rows: 5000 },
    ]);
    expect(said.some((line) => line.includes("died; starting it again"))).toBe(true);
  });

  test("the orphan of a killed supervisor is adopted, sessions and all", async () => {
    await supervisorKilledHard();
    const urls = embeddedUrls(join(folder, "pg"));
    const session = new pg.Client({ connectionString: urls?.ownerUrl });
    await session.connect();
    const postgres = await start();
    expect(postgres.adopted).toBe(true);
    expect((await session.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await session.end();
    const pid = postgres.pid();
    await postgres.kill9();
    await postgres.ready();
    expect(postgres.pid()).not.toBe(pid);
  });

  test("an orphan with other settings is replaced instead", async () => {
    await supervisorKilledHard();
    const postgres = await start({ settings: { work_mem: "11MB" } });
    expect(postgres.adopted).toBe(false);
    expect(await ask(postgres.ownerUrl, "show work_mem")).toEqual([{ work_mem: "11MB" }]);
  });

  test("a second supervisor of the same folder is refused and harms nothing", async () => {
    const postgres = await start();
    await expect(start()).rejects.toThrow(
      `Process ${process.pid} runs the database in ${join(folder, "pg")} already.`,
    );
    expect(await ask(postgres.ownerUrl, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("a postmaster.pid whose number now belongs to another program does not stop the start", async () => {
    const first = await start();
    await first.stop();
    const file = join(first.dataDir, "postmaster.pid");
    writeFileSync(file, `${process.pid}\n${first.dataDir}\n1\n${first.port}\n`);
    const second = await start();
    expect(await ask(second.ownerUrl, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("an initdb that was cut off is begun anew", async () => {
    const first = await start();
    await first.stop();
    rmSync(first.dataDir, { recursive: true });
    const half = `${first.dataDir}.unfinished`;
    writeFileSync(half, "half a cluster");
    const second = await start();
    expect(second.created).toBe(true);
    expect(existsSync(half)).toBe(false);
  });

  test("a wished port that is taken is named, and the port of last time gives way", async () => {
    const first = await start();
    await first.stop();
    const squatter = createServer().listen(first.port, "127.0.0.1");
    await once(squatter, "listening");
    await expect(start({ port: first.port })).rejects.toThrow(`Port ${first.port} is taken`);
    const second = await start();
    expect(second.port).not.toBe(first.port);
    squatter.close();
    await once(squatter, "close");
  });

  test("lost passwords, foreign versions and broken settings are said in words", async () => {
    const first = await start();
    await first.stop();
    await expect(start({ settings: { work_mem: "much" } })).rejects.toThrow(
      /invalid value for parameter "work_mem"/,
    );
    const version = join(first.dataDir, "PG_VERSION");
    const real = readFileSync(version);
    writeFileSync(version, "16\n");
    await expect(start()).rejects.toThrow(/is of Postgres 16, but 18\.\d+ is installed/);
    writeFileSync(version, real);
    rmSync(join(folder, "pg", "credentials.json"));
    await expect(start()).rejects.toThrow(/exists but its passwords .* do not/);
  });

  test.runIf(process.getuid?.() === 0)(
    "as root, below a folder that Postgres' user may not enter, the data go elsewhere and Purser says so",
    async () => {
      chmodSync(folder, 0o700);
      const postgres = await start();
      expect(postgres.dataDir.startsWith("/var/lib/purser/")).toBe(true);
      expect(
        said.some((line) => line.includes(`its data go to ${dirname(postgres.dataDir)}`)),
      ).toBe(true);
      await postgres.stop();
      const again = await start();
      expect(again.created).toBe(false);
      await again.stop();
      rmSync(dirname(postgres.dataDir), { recursive: true });
    },
  );
});

test("an owner without CREATEROLE gets the single-role fallback, and is told", async () => {
  const postgres = await start();
  await ask(postgres.superuserUrl, "create role plain login password 'plain'");
  await ask(postgres.superuserUrl, "create database theirs owner plain");
  const log: string[] = [];
  const run = await migrateUp({
    ownerUrl: `postgres://plain:plain@127.0.0.1:${postgres.port}/theirs`,
    passwords: { service: "unused", operator: "unused" },
    log: (message) => log.push(message),
  });
  expect(run.roles).toBe("single");
  expect(log[0]).toMatch(/lets us make no roles/);
});
