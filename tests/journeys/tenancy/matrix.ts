import type pg from "pg";

import { rowsFor } from "./fill.ts";

/** The roles that pools take, and the owner, which a database without our roles uses for everything. */
export const DOORS = [
  "purser_app",
  "purser_worker",
  "purser_intake",
  "purser_auth",
  "purser_jobs",
  "purser_audit",
  "purser_owner",
] as const;
export type Door = (typeof DOORS)[number];

/** Which event waits under which key, without its content: worked off across workspaces by those who work it off. */
export const QUEUE = ["inbox_work", "inbox_keys", "inbox_rates", "inbox_waiting"] as const;
/** The owner is a member of every role, so their policies are its own too. */
const QUEUE_DOORS: ReadonlySet<Door> = new Set([
  "purser_worker",
  "purser_intake",
  "purser_jobs",
  "purser_owner",
]);

/** A trigger refuses to change or remove their lines to everybody, the owner included. */
const APPEND_ONLY: ReadonlySet<string> = new Set(["audit_entries", "audit_seals"]);

const COMMANDS = ["select", "insert", "update", "delete"] as const;
const SCOPES = ["own", "other", "unset"] as const;
type Scope = (typeof SCOPES)[number];

/** What a statement on a workspace's rows came to. `reached`: row-level security let it through, whatever a constraint said afterwards. */
export type Outcome = "denied" | "unscoped" | "nothing" | "reached";

export interface Cell {
  readonly table: string;
  readonly door: Door;
  readonly what: string;
  readonly scope: Scope;
  readonly expected: Outcome;
  readonly got: Outcome;
}

interface Probe {
  readonly door: Door;
  readonly what: string;
  readonly scope: Scope;
  readonly statement: string;
  readonly expected: Outcome;
}

/**
 * Runs one statement as the service in one of its roles, says what came of it, and undoes it. In the
 * server, because twenty thousand of them each with its savepoint would be a hundred thousand round trips.
 */
const PROBE = `
create or replace function pg_temp.probe(door text, scope text, statement text) returns text
  language plpgsql as $$
declare
  n bigint;
begin
  perform set_config('session_authorization', case when door = 'purser_owner' then door else 'purser_service' end, true);
  perform set_config('role', door, true);
  if scope is not null then
    perform set_config('purser.workspaces', scope, true);
  end if;
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'UUUUU', message = n;
exception
  when insufficient_privilege then
    return case when sqlerrm like '%row-level security%' then 'nothing' else 'denied' end;
  when undefined_object or invalid_text_representation then
    return case when sqlerrm like '%purser.workspaces%' or sqlerrm like '%malformed array literal%' then 'unscoped' else 'reached' end;
  when sqlstate 'UUUUU' then
    return case when sqlerrm = '0' then 'nothing' else 'reached' end;
  when others then
    return 'reached';
end $$`;

/** Makes the probe in this session, which must be a superuser's that has never had a scope. */
export async function preparedForProbes(client: pg.Client): Promise<void> {
  await client.query(PROBE);
}

function expectation(may: boolean, everywhere: boolean, scope: Scope): Outcome {
  if (!may) {
    return "denied";
  }
  if (everywhere || scope === "own") {
    return "reached";
  }
  return scope === "other" ? "nothing" : "unscoped";
}

function statements(
  table: string,
  columns: string,
  row: string,
  ids: { own: number; other: number },
): Readonly<Record<(typeof COMMANDS)[number] | "move", string>> {
  return {
    select: `select from ${table} where workspace_id = ${String(ids.own)}`,
    insert: `insert into ${table} (${columns}) overriding system value select ${columns} from jsonb_populate_record(null::${table}, ${row})`,
    update: `update ${table} set workspace_id = workspace_id where workspace_id = ${String(ids.own)}`,
    move: `update ${table} set workspace_id = ${String(ids.other)} where workspace_id = ${String(ids.own)}`,
    delete: `delete from ${table} where workspace_id = ${String(ids.own)}`,
  };
}

async function probesOf(
  client: pg.Client,
  table: string,
  ids: { own: number; other: number },
): Promise<readonly Probe[]> {
  const { columns, row } = await rowsFor(client, table, ids.own);
  const text = statements(table, columns, client.escapeLiteral(row), ids);
  const { rows: grants } = await client.query<{ door: Door; command: string; may: boolean }>(
    `select door, command, case command when 'delete' then has_table_privilege(door, $1, command)
                           else has_any_column_privilege(door, $1, command) end as may
       from unnest($2::text[]) as door, unnest($3::text[]) as command`,
    [table, DOORS, COMMANDS],
  );
  const isKept = (command: string): boolean =>
    APPEND_ONLY.has(table) && (command === "update" || command === "delete");
  const may = (door: Door, command: string): boolean =>
    !isKept(command) &&
    grants.some((grant) => grant.door === door && grant.command === command && grant.may);
  return DOORS.flatMap((door) => {
    const everywhere = QUEUE.some((name) => name === table) && QUEUE_DOORS.has(door);
    const cells: Probe[] = COMMANDS.flatMap((command) =>
      SCOPES.map((scope) => ({
        door,
        what: command,
        scope,
        statement: text[command],
        expected: expectation(may(door, command), everywhere, scope),
      })),
    );
    cells.push({
      door,
      what: "update of workspace_id",
      scope: "own",
      statement: text.move,
      expected: !may(door, "update") ? "denied" : everywhere ? "reached" : "nothing",
    });
    return cells;
  });
}

function settingOf(scope: Scope, ids: { own: number; other: number }): string | null {
  if (scope === "unset") {
    return null;
  }
  return `{${String(scope === "own" ? ids.own : ids.other)}}`;
}

/** Every cell of one table: command x scope x door. The table must hold rows of both workspaces. */
export async function cellsOf(
  client: pg.Client,
  table: string,
  ids: { readonly own: number; readonly other: number },
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const probe of await probesOf(client, table, ids)) {
    const { rows } = await client.query<{ got: Outcome }>(
      "select pg_temp.probe($1, $2, $3) as got",
      [probe.door, settingOf(probe.scope, ids), probe.statement],
    );
    const { door, what, scope, expected } = probe;
    cells.push({ table, door, what, scope, expected, got: rows[0]?.got ?? "reached" });
  }
  return cells;
}

/** What is not as it should be, in words; empty for a table that is isolated. */
export function faultsIn(cells: readonly Cell[]): readonly string[] {
  return cells
    .filter((cell) => cell.got !== cell.expected)
    .map(
      (cell) =>
        `${cell.door}: ${cell.what} on ${cell.table}, scope ${cell.scope}: ${cell.got}, not ${cell.expected}`,
    );
}
