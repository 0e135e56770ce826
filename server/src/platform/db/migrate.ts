import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import pg from "pg";

import { bossSchemaSql } from "#platform/queue/boss-schema.ts";

import { ensureRoles, type RoleMode, type RolePasswords } from "./roles.ts";

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));

export interface Migration {
  readonly number: number;
  /** `0001-ground` */
  readonly name: string;
  readonly sql: string;
  /** null where no way back was written */
  readonly downSql: string | null;
  readonly sha256: string;
}

export interface MigrateOptions {
  readonly ownerUrl: string;
  /** null: leave roles and their passwords as they are */
  readonly passwords: RolePasswords | null;
  readonly log: (message: string) => void;
  readonly folder?: string;
}

export interface MigrationState {
  readonly number: number;
  readonly name: string;
  readonly state: "applied" | "pending" | "changed" | "file missing";
  readonly appliedAt: Date | null;
}

interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
  readonly applied_at: Date;
}

/** A migration must not queue behind a long query and make everybody else queue behind it. */
const LOCK_TIMEOUT = "3s";
const LOCK_ATTEMPTS = 10;
const MIGRATION_LOCK = 7_265_002;
const OLDEST_POSTGRES = 150_000;
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;
/** A COMMIT of its own would end the transaction that makes a migration all or nothing. */
const OWN_TRANSACTION = /^\s*(begin|start transaction|commit|rollback)\s*;/im;

/** What a line `-- include: <name>` stands for: the schema of a library, taken from the library. */
const INCLUDES: Readonly<Record<string, () => string>> = { "pg-boss": bossSchemaSql };
const INCLUDE = /^-- include: (\S+)$/gm;

function withIncludes(sql: string, file: string): string {
  return sql.replaceAll(INCLUDE, (_, name: string) => {
    const made = INCLUDES[name];
    if (made === undefined) {
      throw new Error(`${file} includes ${name}, which nobody provides.`);
    }
    return made();
  });
}

function readOptional(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function readMigration(folder: string, file: string): Migration {
  const match = FILE_NAME.exec(file);
  if (match === null) {
    throw new Error(`${join(folder, file)} is not named NNNN-name.sql.`);
  }
  // A checkout with CRLF line ends is the same migration.
  const sql = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");
  if (OWN_TRANSACTION.test(sql)) {
    throw new Error(`${file} begins or ends a transaction of its own; the runner gives it one.`);
  }
  return {
    number: Number(match[1]),
    name: file.slice(0, -".sql".length),
    sql: withIncludes(sql, file),
    downSql: readOptional(join(folder, file.replace(/\.sql$/, ".down.sql"))),
    sha256: createHash("sha256").update(sql).digest("hex"),
  };
}

/** The migrations of a folder in order of their numbers. @throws Error on a bad name or a number used twice */
export function readMigrations(folder: string = MIGRATIONS_FOLDER): readonly Migration[] {
  const files = readdirSync(folder).filter(
    (file) => file.endsWith(".sql") && !file.endsWith(".down.sql"),
  );
  const migrations = files
    .map((file) => readMigration(folder, file))
    .toSorted((a, b) => a.number - b.number);
  for (const [index, migration] of migrations.entries()) {
    const previous = migrations[index - 1];
    if (previous?.number === migration.number) {
      throw new Error(`${previous.name} and ${migration.name} have the same number.`);
    }
  }
  return migrations;
}

/** One number for a whole set of migrations: the key of a test template. */
export function fingerprint(migrations: readonly Migration[]): string {
  const all = migrations.map((each) => `${each.name} ${each.sha256}`).join("\n");
  return createHash("sha256").update(all).digest("hex").slice(0, 16);
}

async function asOwner<T>(ownerUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: "purser migrate",
    options: "-c timezone=UTC -c statement_timeout=0 -c client_min_messages=warning",
  });
  client.on("error", () => undefined); // the statement in flight rejects with the same news
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function inOneTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function readApplied(client: pg.Client): Promise<readonly AppliedRow[]> {
  const table = await client.query("select from pg_tables where tablename = 'purser_migrations'");
  if (table.rowCount === 0) {
    return [];
  }
  const rows = await client.query<AppliedRow>(
    "select number, name, sha256, applied_at from purser_migrations order by number",
  );
  return rows.rows;
}

function compare(
  migrations: readonly Migration[],
  applied: readonly AppliedRow[],
): readonly MigrationState[] {
  const rows = new Map(applied.map((row) => [row.number, row]));
  const states = migrations.map(({ number, name, sha256 }): MigrationState => {
    const row = rows.get(number);
    rows.delete(number);
    if (row === undefined) {
      return { number, name, state: "pending", appliedAt: null };
    }
    const same = row.sha256 === sha256 && row.name === name;
    return { number, name, state: same ? "applied" : "changed", appliedAt: row.applied_at };
  });
  const missing = Array.from(rows.values(), (row): MigrationState => ({
    number: row.number,
    name: row.name,
    state: "file missing",
    appliedAt: row.applied_at,
  }));
  return [...states, ...missing].toSorted((a, b) => a.number - b.number);
}

function refuseDrift(states: readonly MigrationState[]): void {
  const changed = states.filter((each) => each.state === "changed").map((each) => each.name);
  if (changed.length > 0) {
    throw new Error(
      `${changed.join(", ")} was changed after it had been applied to this database. ` +
        "Put the file back as it was and write what is new as a further migration.",
    );
  }
  const missing = states.filter((each) => each.state === "file missing").map((each) => each.name);
  if (missing.length > 0) {
    throw new Error(
      `This database has ${missing.join(", ")}, which this version of Purser does not know: it was migrated by a newer one. ` +
        "Install that version, or go back with its `purser migrate down`.",
    );
  }
}

async function requirePostgres15(client: pg.Client): Promise<void> {
  const asked = await client.query<{ number: number; name: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as name",
  );
  const version = asked.rows[0];
  if (version === undefined || version.number < OLDEST_POSTGRES) {
    throw new Error(`Purser needs Postgres 15 or newer; this is ${version?.name ?? "unknown"}.`);
  }
}

/** A lock that is not to be had within 3 s is given up and asked for again, so that the queue behind us can pass. */
async function withLockRetries(
  what: string,
  log: (message: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const locked = error instanceof pg.DatabaseError && error.code === "55P03";
      if (!locked || attempt === LOCK_ATTEMPTS) {
        throw new Error(
          `${what} failed and left nothing behind: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      }
      log(`${what} waits for a lock (attempt ${attempt} of ${LOCK_ATTEMPTS}).`);
      await sleep(1000);
    }
  }
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await inOneTransaction(client, async () => {
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(migration.sql);
    await client.query(
      "insert into purser_migrations (number, name, sha256, applied_at) values ($1, $2, $3, clock_timestamp())",
      [migration.number, migration.name, migration.sha256],
    );
  });
}

async function revertOne(client: pg.Client, migration: Migration, downSql: string): Promise<void> {
  await inOneTransaction(client, async () => {
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(downSql);
    await client.query("delete from purser_migrations where number = $1", [migration.number]);
  });
}

/**
 * Brings a database up to date: roles first, then every migration that is not applied, in order of
 * number, each in its own transaction. Two runs at once wait for each other.
 *
 * @throws Error before anything is touched where an applied file was changed or is not known here,
 *   and where Postgres is older than 15; after the last good migration where one fails
 */
export async function migrateUp(
  options: MigrateOptions,
): Promise<{ readonly applied: readonly string[]; readonly roles: RoleMode | null }> {
  const migrations = readMigrations(options.folder);
  return asOwner(options.ownerUrl, async (client) => {
    await requirePostgres15(client);
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    refuseDrift(compare(migrations, await readApplied(client)));
    const roles = await setRoles(client, options);
    await client.query(
      "create table if not exists purser_migrations (number integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null)",
    );
    const states = compare(migrations, await readApplied(client));
    const pending = new Set(
      states.filter((each) => each.state === "pending").map((each) => each.number),
    );
    const applied: string[] = [];
    for (const migration of migrations.filter((each) => pending.has(each.number))) {
      await withLockRetries(`Migration ${migration.name}`, options.log, () =>
        applyOne(client, migration),
      );
      applied.push(migration.name);
      options.log(`Applied ${migration.name}.`);
    }
    return { applied, roles };
  });
}

async function setRoles(client: pg.Client, options: MigrateOptions): Promise<RoleMode | null> {
  const { passwords } = options;
  if (passwords === null) {
    return null;
  }
  const mode = await inOneTransaction(client, () => ensureRoles(client, passwords));
  if (mode === "single") {
    options.log(
      "This database lets us make no roles: every part of Purser runs as its owner. Workspaces stay apart by row-level security.",
    );
  }
  return mode;
}

/**
 * Undoes every applied migration above `target` (0: all), newest number first, each in its own
 * transaction. Roles stay: they belong to the cluster.
 *
 * @throws Error before anything is touched where a file on the way was changed or has no way back
 */
export async function migrateDownTo(
  target: number,
  options: MigrateOptions,
): Promise<{ readonly reverted: readonly string[] }> {
  const migrations = readMigrations(options.folder);
  return asOwner(options.ownerUrl, async (client) => {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const states = compare(migrations, await readApplied(client));
    refuseDrift(states);
    const onTheWay = new Set(
      states
        .filter((each) => each.state === "applied" && each.number > target)
        .map((each) => each.number),
    );
    const steps = migrations.filter((each) => onTheWay.has(each.number)).toReversed();
    const reverted: string[] = [];
    const stuck = steps.filter((each) => each.downSql === null).map((each) => each.name);
    if (stuck.length > 0) {
      throw new Error(`${stuck.join(", ")} has no .down.sql; nothing was undone.`);
    }
    for (const migration of steps) {
      const { downSql } = migration;
      if (downSql !== null) {
        await withLockRetries(`Undoing ${migration.name}`, options.log, () =>
          revertOne(client, migration, downSql),
        );
        reverted.push(migration.name);
        options.log(`Undid ${migration.name}.`);
      }
    }
    return { reverted };
  });
}

/** Every migration known to the program or the database, in order; touches nothing. */
export async function migrationStatus(
  options: Pick<MigrateOptions, "ownerUrl" | "folder">,
): Promise<readonly MigrationState[]> {
  const migrations = readMigrations(options.folder);
  return asOwner(options.ownerUrl, async (client) =>
    compare(migrations, await readApplied(client)),
  );
}
