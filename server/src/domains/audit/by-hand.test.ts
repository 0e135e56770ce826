import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

let db: TestDatabase;
let admin: pg.Client;
let operator: pg.Client;

beforeAll(async () => {
  db = await testDatabase();
  admin = new pg.Client({ connectionString: db.superuserUrl });
  operator = new pg.Client({ connectionString: db.operatorUrl, application_name: "psql" });
  await Promise.all([admin.connect(), operator.connect()]);
  await admin.query(`
    insert into workspaces (public_id, slug, name, is_default, created_at)
      values ('ws_1', 'one', 'One', true, now()), ('ws_2', 'two', 'Two', false, now())`);
});
afterAll(async () => {
  await Promise.all([admin.end(), operator.end()]);
});

interface Line {
  readonly action: string;
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly slug: string;
}
async function linesOf(work: () => Promise<unknown>): Promise<readonly Line[]> {
  const before = await admin.query<{ last: string }>(
    "select coalesce(max(id), 0)::text as last from audit_entries",
  );
  await work();
  const found = await admin.query<Line>(
    `select a.action, a.subject_kind, a.subject_id, w.slug from audit_entries a join workspaces w on w.id = a.workspace_id
      where a.id > $1 and a.action like 'out_of_band%' order by a.id`,
    [before.rows[0]?.last],
  );
  return found.rows;
}

test("the intake, which faces the internet, may put no job in the queue (it could, for any workspace)", async () => {
  const found = await admin.query<{ role: string }>(
    `select rolname as role from pg_roles where rolname like 'purser\\_%'
        and has_function_privilege(rolname, 'purser_enqueue(jsonb)', 'execute')
        and rolname in ('purser_intake', 'purser_operator')`,
  );
  expect(found.rows).toEqual([]);
});

describe("what is typed into psql", () => {
  test("leaves a mark in every table that the operator may write (charges, prices and others had none)", async () => {
    const unwatched = await admin.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p')
          and (has_any_column_privilege('purser_operator', c.oid, 'insert') or has_any_column_privilege('purser_operator', c.oid, 'update')
               or has_table_privilege('purser_operator', c.oid, 'delete') or has_table_privilege('purser_operator', c.oid, 'truncate'))
          and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'out_of_band' and t.tgenabled = 'O')`,
    );
    expect(unwatched.rows).toEqual([]);
  });

  test("into a price is one line that names it, in its workspace's log", async () => {
    const lines = await linesOf(() =>
      operator.query(
        `insert into prices (workspace_id, stripe_price_id, stripe_product_id, active, currency, watermark, snapshot, source, created_at, updated_at)
         values (2, 'price_1', 'prod_1', true, 'usd', '', '', '', now(), now())`,
      ),
    );
    expect(lines).toEqual([
      {
        action: "out_of_band.row_inserted",
        subject_kind: "prices",
        subject_id: "2/price_1",
        slug: "two",
      },
    ]);
  });

  test("into a valve of the installation is a line in the default workspace's log", async () => {
    const lines = await linesOf(() =>
      operator.query(
        "insert into inbox_controls (provider, lane, paused, updated_at, updated_by) values (1, 1, true, now(), 'me')",
      ),
    );
    expect(lines).toEqual([
      {
        action: "out_of_band.row_inserted",
        subject_kind: "inbox_controls",
        subject_id: "1/1",
        slug: "one",
      },
    ]);
  });

  test("into the queue is one line a statement for each workspace, however many rows", async () => {
    await admin.query(
      `insert into inbox_work (event_id, workspace_id, lane, provider, okey)
       select n, 1, 5, 1, 'stripe:cus_' || n from generate_series(1, 500) n`,
    );
    const lines = await linesOf(() => admin.query("update inbox_work set lane = 9"));
    expect(lines.map(({ action, slug }) => [action, slug])).toEqual([
      ["out_of_band.rows_updated", "one"],
      ["out_of_band.rows_updated", "two"],
    ]);
  });
});
