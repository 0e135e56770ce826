import { is } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

import * as access from "#domains/access/schema.ts";
import * as audit from "#domains/audit/schema.ts";
import * as jobs from "#domains/jobs/schema.ts";
import * as quotas from "#domains/quotas/schema.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

const ROOMS = { access, audit, jobs, quotas };
const TABLES = Object.values(ROOMS)
  .flatMap((room): unknown[] => Object.values(room))
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table));

let database: TestDatabase;
let superuser: pg.Client;

beforeAll(async () => {
  database = await testDatabase();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
});

afterAll(async () => {
  await superuser.end();
});

/** Postgres spells some types at length. */
function typeName(drizzle: string): string {
  return drizzle
    .replace("timestamp (3) with time zone", "timestamp with time zone")
    .replace(/^serial$/u, "integer")
    .replace(/^bigserial$/u, "bigint");
}

test.each(TABLES.map((table) => [`${table.schema ?? "public"}.${table.name}`, table] as const))(
  "schema.ts and the migrations agree on %s",
  async (name, table) => {
    const found = await superuser.query<{ name: string; type: string; required: boolean }>(
      `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required
         from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attname`,
      [name],
    );
    const declared = table.columns
      .map((column) => ({
        name: column.name,
        type: typeName(column.getSQLType()),
        required: column.notNull,
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(declared).toEqual(found.rows);
  },
);
