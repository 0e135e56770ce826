import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

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

async function names(sql: string): Promise<readonly string[]> {
  const found = await superuser.query<{ name: string }>(sql);
  return found.rows.map((row) => row.name);
}

/** Ordinary tables of ours that hold rows of workspaces. */
const OF_WORKSPACES = `select c.oid, c.relname as name, c.relrowsecurity, c.relforcerowsecurity
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
  where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace`;

describe("the catalog", () => {
  test("every table with a workspace_id has row-level security on, and forced on its owner too", async () => {
    expect(
      await names(
        `select name from (${OF_WORKSPACES}) t where not (relrowsecurity and relforcerowsecurity) order by name`,
      ),
    ).toEqual([]);
  });

  // The inbox's own queue (which event, which key, no content) is worked off across workspaces, and counted by the minute.
  test("every policy is about the workspaces in scope, or is the operator's, or the inbox workers' on their queue", async () => {
    expect(
      await names(
        `select t.name || '.' || p.polname as name from (${OF_WORKSPACES}) t join pg_policy p on p.polrelid = t.oid
          where not (pg_get_expr(p.polqual, p.polrelid) like '%purser_workspaces()%' and p.polcmd = '*'
                     and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)) like '%purser_workspaces()%')
            and not (t.name = any ('{inbox_work,inbox_keys,inbox_waiting,inbox_rates}') and p.polname in ('purser_worker', 'purser_intake', 'purser_jobs'))
            and p.polroles <> array[(select oid from pg_roles where rolname = 'purser_operator')] order by 1`,
      ),
    ).toEqual([]);
  });

  test("no role of the service owns a table, bypasses row-level security or is a superuser", async () => {
    expect(
      await names(
        `select rolname as name from pg_roles r where rolname like 'purser\\_%' and rolname <> 'purser_owner'
          and (rolbypassrls or rolsuper or exists (select from pg_class where relowner = r.oid))`,
      ),
    ).toEqual([]);
  });

  test("every view runs with the rights of whoever asks", async () => {
    expect(
      await names(
        `select relname as name from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
          and not coalesce(reloptions::text like '%security_invoker=true%', false) order by 1`,
      ),
    ).toEqual([]);
  });

  test("every function that runs with its owner's rights has a fixed search path and is not for everybody", async () => {
    expect(
      await names(
        `select proname as name from pg_proc where prosecdef and pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype
          and (not coalesce(proconfig::text like '%search_path=%', false)
               or has_function_privilege('public', oid, 'execute')) order by 1`,
      ),
    ).toEqual([]);
  });
});

test("the sweep notices a table that lost its protection", async () => {
  await superuser.query("begin");
  await superuser.query("alter table staff no force row level security");
  expect(
    await names(
      `select name from (${OF_WORKSPACES}) t where not (relrowsecurity and relforcerowsecurity)`,
    ),
  ).toEqual(["staff"]);
  await superuser.query("rollback");
});
