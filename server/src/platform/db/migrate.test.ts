import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { emptyDatabase, type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { migrateDownTo, migrateUp, migrationStatus, readMigrations } from "./migrate.ts";

const quiet = (): void => undefined;
let folder = "";
let database: TestDatabase;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "purser-migrations-"));
  database = await emptyDatabase();
  write("0001-first.sql", "create table first (id int primary key);");
  write("0001-first.down.sql", "drop table first;");
  write("0010-second.sql", "create table second (id int references first);");
  write("0010-second.down.sql", "drop table second;");
});

afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

function write(name: string, sql: string): void {
  writeFileSync(join(folder, name), sql);
}

function options() {
  return { ownerUrl: database.ownerUrl, passwords: null, log: quiet, folder };
}

async function queryAs<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function tables(): Promise<string[]> {
  const rows = await queryAs<{ tablename: string }>(
    database.ownerUrl,
    "select tablename from pg_tables where schemaname = 'public' order by 1",
  );
  return rows.map((row) => row.tablename);
}

describe("up", () => {
  test("applies what is pending in order of number, once", async () => {
    expect((await migrateUp(options())).applied).toEqual(["0001-first", "0010-second"]);
    expect((await migrateUp(options())).applied).toEqual([]);
    expect(await tables()).toEqual(["first", "purser_migrations", "second"]);
  });

  test("a failing migration leaves nothing of itself and keeps the ones before it", async () => {
    write("0010-second.sql", "create table second (id int); select 1/0;");
    await expect(migrateUp(options())).rejects.toThrow(
      "Migration 0010-second failed and left nothing behind: division by zero",
    );
    expect(await tables()).toEqual(["first", "purser_migrations"]);
    expect((await migrationStatus(options())).map((each) => each.state)).toEqual([
      "applied",
      "pending",
    ]);
  });

  test("refuses an applied file that was changed, before it touches anything", async () => {
    await migrateUp(options());
    write("0001-first.sql", "create table first (id bigint primary key);");
    write("0011-third.sql", "create table third (id int);");
    await expect(migrateUp(options())).rejects.toThrow(
      /^0001-first was changed after it had been applied/,
    );
    expect(await tables()).not.toContain("third");
  });

  test("line ends of another system are not a change", async () => {
    write("0001-first.sql", "create table first (\n  id int primary key\n);");
    await migrateUp(options());
    write("0001-first.sql", "create table first (\r\n  id int primary key\r\n);");
    await expect(migrateUp(options())).resolves.toMatchObject({ applied: [] });
  });

  test("refuses a database that a newer Purser has migrated", async () => {
    write("0099-future.sql", "create table future (id int);");
    await migrateUp(options());
    rmSync(join(folder, "0099-future.sql"));
    await expect(migrateUp(options())).rejects.toThrow(/0099-future.*newer one/);
  });

  test("two runs at once apply every migration once", async () => {
    const runs = await Promise.all([migrateUp(options()), migrateUp(options())]);
    expect(runs.flatMap((run) => run.applied).toSorted()).toEqual(["0001-first", "0010-second"]);
  });

  test("waits out a reader that holds the table for longer than the lock timeout", async () => {
    await migrateUp(options());
    write("0011-alter.sql", "alter table first add column name text;");
    const reader = new pg.Client({ connectionString: database.ownerUrl });
    await reader.connect();
    await reader.query("begin; lock table first in access share mode");
    const said: string[] = [];
    const run = migrateUp({
      ...options(),
      log: (message) => {
        said.push(message);
        if (message.includes("waits for a lock")) {
          void reader.query("commit");
        }
      },
    });
    expect((await run).applied).toEqual(["0011-alter"]);
    expect(said[0]).toBe("Migration 0011-alter waits for a lock (attempt 1 of 10).");
    await reader.end();
  });

  test.each([
    ["0002-own.sql", "begin;\ncreate table x (id int);\ncommit;", /transaction of its own/],
    ["second.sql", "select 1;", /not named NNNN-name/],
    ["0001-again.sql", "select 1;", /same number/],
  ])("refuses %s", async (name, sql, message) => {
    write(name, sql);
    await expect(migrateUp(options())).rejects.toThrow(message);
  });
});

describe("down", () => {
  test("undoes newest first, down to the number given, and can come back", async () => {
    await migrateUp(options());
    expect(await migrateDownTo(1, options())).toEqual({ reverted: ["0010-second"] });
    expect(await tables()).toEqual(["first", "purser_migrations"]);
    expect(await migrateDownTo(0, options())).toEqual({ reverted: ["0001-first"] });
    expect((await migrateUp(options())).applied).toHaveLength(2);
  });

  test("refuses as a whole where one migration has no way back", async () => {
    rmSync(join(folder, "0001-first.down.sql"));
    await migrateUp(options());
    await expect(migrateDownTo(0, options())).rejects.toThrow(/0001-first has no \.down\.sql/);
    expect(await tables()).toContain("second");
  });
});

describe("the migrations of the house", () => {
  test("go all the way up, down and up again", async () => {
    const house = { ownerUrl: database.ownerUrl, passwords: null, log: quiet };
    const all = readMigrations().map((each) => each.name);
    expect((await migrateUp(house)).applied).toEqual(all);
    expect((await migrateDownTo(0, house)).reverted).toEqual(all.toReversed());
    expect(await tables()).toEqual(["purser_migrations"]);
    expect((await migrateUp(house)).applied).toEqual(all);
  });

  test("run under an owner who may not make roles, with those that an administrator made", async () => {
    await testDatabase(); // by now the cluster has the roles
    await queryAs(
      database.superuserUrl,
      `do $$ begin
         create role plain_owner login password 'plain';
       exception when duplicate_object then null;
       end $$`,
    );
    await queryAs(database.superuserUrl, `alter database ${database.name} owner to plain_owner`);
    const url = new URL(database.ownerUrl);
    url.username = "plain_owner";
    url.password = "plain";
    const run = await migrateUp({
      ownerUrl: url.href,
      passwords: { service: "s", operator: "o" },
      log: quiet,
    });
    expect(run.roles).toBe("separate");
    expect(run.applied).toEqual(readMigrations().map((each) => each.name));
  });
});

describe("roles", () => {
  test("a service connection may do nothing until it takes its role", async () => {
    const migrated = await testDatabase();
    await expect(queryAs(migrated.serviceUrl, "select from workspaces")).rejects.toThrow(
      /permission denied/,
    );
    await expect(queryAs(migrated.serviceUrl, "set role purser_app")).resolves.toEqual([]);
    await expect(queryAs(migrated.serviceUrl, "set role purser_owner")).rejects.toThrow(
      /permission denied/,
    );
  });

  test("the operator logs in and sees rows of every workspace", async () => {
    const migrated = await testDatabase();
    await expect(queryAs(migrated.operatorUrl, "select from organizations")).resolves.toEqual([]);
  });
});
