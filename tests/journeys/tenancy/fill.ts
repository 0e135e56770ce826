import type pg from "pg";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly generated: boolean;
}

/** Every table of ours that has rows of workspaces, partitions included. */
export async function tablesOfWorkspaces(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
      where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1`,
  );
  return rows.map((row) => row.name);
}

async function columnsOf(client: pg.Client, table: string): Promise<readonly Column[]> {
  const { rows } = await client.query<Column>(
    `select quote_ident(a.attname) as name, format_type(a.atttypid, null) as type,
            a.attnotnull and not a.atthasdef and a.attidentity = '' as required,
            a.attgenerated <> '' as generated
       from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [table],
  );
  return rows;
}

const LITERALS: Readonly<Record<string, (n: number, name: string) => string>> = {
  text: (n, name) => `'${name}_${String(n)}'`,
  "text[]": () => "'{}'",
  integer: (n) => String(n),
  bigint: (n) => String(n),
  smallint: (n) => String(n % 30_000),
  boolean: () => "false",
  bytea: (n) => `decode(md5('${String(n)}'), 'hex')`,
  jsonb: () => "'{}'",
  "double precision": (n) => String(n),
  numeric: (n) => String(n),
  "timestamp with time zone": () => "'2026-11-01T00:00:00Z'",
  date: () => "'2026-11-01'",
  uuid: () => "gen_random_uuid()",
  int8multirange: () => "'{}'",
  "double precision[]": () => "'{}'",
  "integer[]": () => "'{}'",
  "bigint[]": () => "'{}'",
  xid8: (n) => `'${String(n)}'`,
};

function literalOf(table: string, column: Column, n: number): string {
  const make = LITERALS[column.type];
  if (make === undefined) {
    throw new Error(
      `${table}.${column.name} is ${column.type}: say in LITERALS what to put there.`,
    );
  }
  return make(n, column.name);
}

async function dropChecks(superuser: pg.Client): Promise<void> {
  const { rows } = await superuser.query<{ statement: string }>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as statement
       from pg_constraint where contype = 'c' and conrelid <> 0 and connamespace = 'public'::regnamespace`,
  );
  await superuser.query(rows.map((row) => row.statement).join("; "));
}

/**
 * Puts two rows of each workspace into every table of workspaces, made from the catalogue alone: a
 * table that a later migration adds is in the matrix without anybody remembering it. The rows mean
 * nothing: triggers and foreign keys are off meanwhile, and the CHECKs are dropped from this copy.
 */
export async function fillEveryTable(
  superuser: pg.Client,
  workspaces: readonly number[],
): Promise<void> {
  await superuser.query("set session_replication_role = replica");
  await dropChecks(superuser);
  let n = 1_000;
  for (const table of await tablesOfWorkspaces(superuser)) {
    const columns = await columnsOf(superuser, table);
    const wanted = columns.filter((column) => column.required && column.name !== "workspace_id");
    for (const workspace of [...workspaces, ...workspaces]) {
      n += 1;
      const values = wanted.map((column) => literalOf(table, column, n));
      await superuser.query(
        `insert into ${table} (${["workspace_id", ...wanted.map((column) => column.name)].join(", ")})
         values (${[String(workspace), ...values].join(", ")})`,
      );
    }
  }
  await superuser.query("set session_replication_role = origin");
}

/** A row of the workspace as JSON, and the columns that an INSERT of it names. */
export async function rowsFor(
  client: pg.Client,
  table: string,
  workspace: number,
): Promise<{ readonly columns: string; readonly row: string }> {
  const columns = await columnsOf(client, table);
  const { rows } = await client.query<{ row: string }>(
    `select to_jsonb(t)::text as row from ${table} t where workspace_id = $1 limit 1`,
    [workspace],
  );
  const [found] = rows;
  if (found === undefined) {
    throw new Error(`${table} has no row of workspace ${String(workspace)}.`);
  }
  return {
    columns: columns
      .filter((column) => !column.generated)
      .map((column) => column.name)
      .join(", "),
    row: found.row,
  };
}
