import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { testDatabase } from "../../../server/src/platform/testing/database.ts";
import { fillEveryTable, tablesOfWorkspaces } from "./fill.ts";
import { type Cell, cellsOf, DOORS, faultsIn, preparedForProbes, QUEUE } from "./matrix.ts";

let superuser: pg.Client;
let operator: pg.Client;
let tables: readonly string[];
const ids = { own: 0, other: 0 };

beforeAll(async () => {
  const database = await testDatabase();
  const filler = new pg.Client({ connectionString: database.superuserUrl });
  await filler.connect();
  const { rows } = await filler.query<{ id: number }>(
    `insert into workspaces (public_id, slug, name, created_at)
     values ('ws_a', 'a', 'A', now()), ('ws_b', 'b', 'B', now()) returning id`,
  );
  ids.own = rows[0]?.id ?? 0;
  ids.other = rows[1]?.id ?? 0;
  await fillEveryTable(filler, [ids.own, ids.other]);
  await filler.end();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  operator = new pg.Client({ connectionString: database.operatorUrl });
  await Promise.all([superuser.connect(), operator.connect()]);
  await preparedForProbes(superuser);
  tables = await tablesOfWorkspaces(superuser);
});

afterAll(async () => {
  await Promise.all([superuser.end(), operator.end()]);
});

async function names(sql: string, parameters: readonly unknown[] = []): Promise<readonly string[]> {
  const found = await superuser.query<{ name: string }>(sql, [...parameters]);
  return found.rows.map((row) => row.name);
}

/** Tables without a workspace, each with the reason why it may be. Anything else is a mistake. */
const OF_NOBODY: Readonly<Record<string, string>> = {
  audit_sealer: "how far the sealer is: one row of numbers for the whole log",
  inbox_controls: "the valves of the installation, which serves all workspaces",
  inbox_leases: "which worker holds which batch until when: no key and no event",
  inbox_nodes: "the processes that are alive",
  job_schedules: "when each line of cron is due",
  purser_migrations: "which migrations have run",
  workspaces: "the tenants themselves: names only",
};

/** Schemas beside ours, each with the reason why its rows carry no workspace. */
const OTHER_SCHEMAS: Readonly<Record<string, string>> = {
  auth: "people sign in before a workspace is chosen; only purser_auth may enter",
  pgboss: "the queue: jobs name their workspace in their data and run in its scope",
  public: "ours",
};

describe("the catalogue", () => {
  test("a table without workspace_id is on the list of exceptions, and the list holds no other", async () => {
    expect(
      await names(
        `select relname as name from pg_class c where relkind in ('r', 'p', 'm', 'f') and relnamespace = 'public'::regnamespace
          and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped)
          order by 1`,
      ),
    ).toEqual(Object.keys(OF_NOBODY).toSorted());
  });

  test("there is no schema but those with a reason", async () => {
    expect(
      await names(
        "select nspname as name from pg_namespace where nspname !~ '^(pg_|information_schema)' order by 1",
      ),
    ).toEqual(Object.keys(OTHER_SCHEMAS).toSorted());
  });

  test("workspace_id is never null, but for runs of jobs that are everybody's", async () => {
    expect(
      await names(
        `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
          where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not a.attnotnull order by 1`,
      ),
    ).toEqual(["job_runs"]);
  });

  test("row-level security is on and forced, and each table has a policy for all four commands with a check", async () => {
    expect(
      await names(
        `select c.relname as name from pg_class c where c.relname = any ($1) and c.relnamespace = 'public'::regnamespace
          and not (c.relrowsecurity and c.relforcerowsecurity and exists (
            select from pg_policy p where p.polrelid = c.oid and p.polname = 'workspace' and p.polpermissive and p.polcmd = '*'
              and p.polroles = '{0}' and p.polqual is not null and p.polwithcheck is not null)) order by 1`,
        [tables],
      ),
    ).toEqual([]);
  });

  test("no role of a pool owns anything, bypasses row-level security, may log in or make roles", async () => {
    expect(
      await names(
        `select rolname as name from pg_roles r where rolname = any ($1) and rolname <> 'purser_owner'
          and (rolbypassrls or rolsuper or rolcreaterole or rolcreatedb or rolcanlogin
               or exists (select from pg_class where relowner = r.oid) or exists (select from pg_proc where proowner = r.oid))`,
        [DOORS],
      ),
    ).toEqual([]);
    expect(
      await names(
        `select rolname as name from pg_roles where rolname in ('purser_owner', 'purser_service', 'purser_operator')
          and (rolbypassrls or rolsuper)`,
      ),
    ).toEqual([]);
  });

  test("the service can do nothing at all before it has taken a role", async () => {
    expect(
      await names(
        "select rolname as name from pg_roles where rolname = 'purser_service' and rolinherit",
      ),
    ).toEqual([]);
    expect(
      await names(
        `select relname as name from pg_class where relkind in ('r', 'p', 'v') and relnamespace = 'public'::regnamespace
          and exists (select from aclexplode(relacl) where grantee in (0, 'purser_service'::regrole))`,
      ),
    ).toEqual([]);
  });

  test("no role of a pool may truncate, which no policy stops", async () => {
    expect(
      await names(
        `select door || ' ' || relname as name from pg_class, unnest($1::text[]) as door
          where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and has_table_privilege(door, pg_class.oid, 'truncate')`,
        [DOORS.filter((door) => door !== "purser_owner")],
      ),
    ).toEqual([]);
  });

  test("the ear of the house may not read a customer's record, nor change what it has written", async () => {
    expect(
      await names(
        `select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
          and (relname !~ '^(inbox|endpoint|workspaces)' and has_any_column_privilege('purser_intake', oid, 'select')
               or relname !~ '^inbox_(nodes|rates|duplicates)' and has_any_column_privilege('purser_intake', oid, 'update'))`,
      ),
    ).toEqual([]);
  });
});

async function allCells(): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const table of tables) {
    cells.push(...(await cellsOf(superuser, table, ids)));
  }
  return cells;
}

describe("table x command x scope x role", () => {
  test("every role reaches the rows in its scope, no other row, and none without a scope", async () => {
    const cells = await allCells();
    expect(faultsIn(cells)).toEqual([]);
    expect(new Set(cells.map((cell) => cell.table)).size).toBe(tables.length);
    const counted = (got: Cell["got"]): number => cells.filter((cell) => cell.got === got).length;
    process.stdout.write(
      `${String(tables.length)} tables, ${String(cells.length)} cells: ${String(counted("reached"))} reached, ` +
        `${String(counted("nothing"))} hidden, ${String(counted("unscoped"))} without scope, ${String(counted("denied"))} not granted\n`,
    );
  });

  test("without a WHERE a scope shows its own rows and no others", async () => {
    const wrong: string[] = [];
    for (const table of tables) {
      await superuser.query("begin");
      await superuser.query("set local session authorization purser_owner");
      await superuser.query("select set_config('purser.workspaces', $1, true)", [
        `{${String(ids.own)}}`,
      ]);
      const { rows } = await superuser.query<{ workspaces: number[] }>(
        `select array_agg(distinct workspace_id) as workspaces from ${table} where workspace_id is not null`,
      );
      await superuser.query("rollback");
      if (JSON.stringify(rows[0]?.workspaces) !== JSON.stringify([ids.own])) {
        wrong.push(`${table}: ${JSON.stringify(rows[0]?.workspaces)}`);
      }
    }
    expect(wrong).toEqual(
      QUEUE.toSorted().map((table) => `${table}: ${JSON.stringify([ids.own, ids.other])}`),
    );
  });

  test("the operator in psql sees every workspace without saying which", async () => {
    const { rows: readable } = await operator.query<{ name: string }>(
      "select name from unnest($1::text[]) as name where has_table_privilege(name, 'select')",
      [tables],
    );
    expect(readable.length).toBeGreaterThan(20);
    for (const { name } of readable) {
      const { rows } = await operator.query<{ n: number }>(
        `select count(distinct workspace_id)::int as n from ${name}`,
      );
      expect([name, rows[0]?.n]).toEqual([name, 2]);
    }
  });
});

/** Ways in which one table's protection could be lost by a careless migration. */
const MUTANTS: Readonly<Record<string, (table: string) => string>> = {
  "its policy dropped": (table) => `drop policy workspace on ${table}`,
  "its policy letting everything be seen": (table) =>
    `alter policy workspace on ${table} using (true)`,
  "its policy letting everything be written": (table) =>
    `alter policy workspace on ${table} with check (true)`,
  "row-level security off": (table) => `alter table ${table} disable row level security`,
  "its owner let off": (table) => `alter table ${table} no force row level security`,
  "a scope that is forgotten showing everything": (table) =>
    `alter policy workspace on ${table} using (workspace_id = any (coalesce(current_setting('purser.workspaces', true), '{${String(ids.own)},${String(ids.other)}}')::int[]))`,
};

/** Mutants that change nothing: who may write there is bound by no policy. The catalogue's tests see them. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  "its policy letting everything be written": ["inbox_keys", "inbox_rates", "inbox_waiting"],
  "its owner let off": QUEUE.toSorted(),
};

describe("the matrix itself", () => {
  test.each(Object.entries(MUTANTS))("notices any table with %s", async (name, mutate) => {
    const unnoticed: string[] = [];
    for (const table of tables) {
      await superuser.query("begin");
      await superuser.query(mutate(table));
      const faults = faultsIn(await cellsOf(superuser, table, ids));
      await superuser.query("rollback");
      if (faults.length === 0) {
        unnoticed.push(table);
      }
    }
    expect(unnoticed).toEqual(SAME[name] ?? []);
  });
});

describe("what isolation costs", () => {
  test("the scope is read once a statement, not once a row", async () => {
    const perRow: string[] = [];
    for (const table of tables) {
      await superuser.query("begin");
      await superuser.query("set local session authorization purser_service");
      await superuser.query("set local role purser_app");
      await superuser.query("select set_config('purser.workspaces', $1, true)", [
        `{${String(ids.own)}}`,
      ]);
      const { rows } = await superuser
        .query<{ "QUERY PLAN": string }>(
          `explain select from ${table} where workspace_id = ${String(ids.own)}`,
        )
        .catch(() => ({ rows: [] }));
      await superuser.query("rollback");
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      if (plan !== "" && (/SubPlan|current_setting/.test(plan) || !plan.includes("InitPlan"))) {
        perRow.push(`${table}: ${plan}`);
      }
    }
    expect(perRow).toEqual([]);
  });
});
