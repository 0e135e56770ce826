import type { z } from "zod";

import { addHours } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { Problem } from "#platform/problem.ts";

import type { eventState, inboxEventRow, inboxList, inboxShow } from "./contract.ts";
import { PROVIDERS, providerOf, type RecordChanges } from "./ports.ts";
import { unknownEvent } from "./problems.ts";
import { unpackSegment } from "./segment-cache.ts";

type State = z.infer<typeof eventState>;
type Item = z.input<typeof inboxEventRow>;
type ListInput = z.output<typeof inboxList.input>;

/** Bodies are kept this long, events and their ends longer (retention.ts). */
export const BODY_DAYS = 30;

interface Row {
  readonly id: number;
  readonly provider: number;
  readonly endpoint: string;
  readonly endpoint_name: string;
  readonly external_id: string;
  readonly event_type: string;
  readonly okey: string;
  readonly lane: number;
  readonly occurred_at: Date | null;
  readonly received_at: Date;
  readonly fate: string | null;
  readonly reason: string | null;
  readonly superseded_by: string | null;
  readonly settled_at: Date | null;
  readonly work_state: number | null;
  readonly attempts: number;
  readonly key_failing: boolean;
  readonly duplicates: number;
}

const COLUMNS = `e.id, e.provider, p.public_id as endpoint, p.name as endpoint_name, e.external_id, e.event_type, e.okey, e.lane, e.occurred_at, e.received_at,
  inbox_fate(o.fate) as fate, o.superseded_by, o.at as settled_at, w.state as work_state,
  coalesce(w.attempts, o.attempts, 0) as attempts, coalesce(d.count, 0) as duplicates,
  case when w.event_id is null then o.reason else coalesce(x.reason, k.last_error) end as reason,
  coalesce(k.failures > 0, false) as key_failing`;
const JOINS = `join endpoints p on p.id = e.endpoint_id
  left join inbox_outcomes o on o.event_id = e.id
  left join inbox_work w on w.workspace_id = e.workspace_id and w.okey = e.okey and w.event_id = e.id
  left join inbox_keys k on w.event_id is not null and k.workspace_id = e.workspace_id and k.okey = e.okey
  left join inbox_waiting x on x.event_id = e.id
  left join inbox_duplicates d on d.event_id = e.id`;

const WORK_STATE: Partial<Record<State, number>> = {
  ready: 0,
  retrying: 1,
  held: 2,
  waiting: 3,
};
const FATE: Partial<Record<State, number>> = {
  applied: 1,
  ignored: 2,
  superseded: 3,
  quarantined: 4,
  dead: 5,
};

export async function listEvents(
  ctx: Ctx,
  input: ListInput,
): Promise<{ items: Item[]; nextCursor: string | null }> {
  const where = conditions(ctx, input);
  const result = await ctx.tx.client.query<Row>(
    `select ${COLUMNS} from inbox_events e ${JOINS} where ${where.sql.join(" and ")} order by e.id desc limit ${String(input.limit + 1)}`,
    where.values,
  );
  const rows = result.rows.slice(0, input.limit);
  return {
    items: rows.map(itemOf),
    nextCursor: result.rows.length > input.limit ? String(rows.at(-1)?.id) : null,
  };
}

interface Conditions {
  readonly sql: string[];
  readonly values: unknown[];
}

function conditions(ctx: Ctx, input: ListInput): Conditions {
  const sql: string[] = [];
  const values: unknown[] = [];
  const add = (text: string, value: unknown): void => {
    values.push(value);
    sql.push(text.replaceAll("?", `$${String(values.length)}`));
  };
  add("e.workspace_id = ?", ctx.workspace.id);
  if (input.cursor !== undefined) {
    add("e.id < ?", numberOf(input.cursor));
  }
  if (input.after !== undefined) {
    add("e.id > ?", numberOf(input.after));
  }
  if (input.provider !== undefined) {
    add("e.provider = ?", PROVIDERS[input.provider]);
  }
  if (input.lane !== undefined) {
    add("e.lane = ?", input.lane);
  }
  if (input.type !== undefined) {
    add(
      "e.event_type like ?",
      input.type.replaceAll(/[\\%_]/g, String.raw`\$&`).replace(/\*$/, "%"),
    );
  }
  if (input.key !== undefined) {
    add(
      "e.okey = any(?)",
      input.key.includes(":")
        ? [input.key]
        : ["stripe:", "paddle:", "phone:"].map((prefix) => prefix + input.key),
    );
  }
  if (input.externalId !== undefined) {
    add("e.endpoint_id in (select id from endpoints) and e.external_id = ?", input.externalId);
  }
  if (input.since !== undefined) {
    add("e.received_at >= ?", input.since);
  }
  if (input.until !== undefined) {
    add("e.received_at < ?", input.until);
  }
  addState(input.state, sql, add);
  return { sql, values };
}

function addState(
  state: State | undefined,
  sql: string[],
  add: (text: string, value: unknown) => void,
): void {
  if (state === undefined) {
    return;
  }
  const work = WORK_STATE[state];
  if (work !== undefined) {
    // From the few that are left to do, not from the millions that came. $1 is the workspace.
    add("e.id in (select event_id from inbox_work where workspace_id = $1 and state = ?)", work);
  }
  const fate = FATE[state];
  if (fate !== undefined) {
    sql.push("w.event_id is null", `o.fate = ${String(fate)}`);
    if (fate > 3) {
      sql.push(
        `e.id in (select event_id from inbox_outcomes where workspace_id = $1 and fate = ${String(fate)})`,
      );
    }
  }
}

function numberOf(text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function stateOf(row: Row): State {
  switch (row.work_state) {
    case 0:
      return row.attempts > 0 ? "retrying" : "ready";
    case 1:
      return row.attempts > 0 || row.key_failing ? "retrying" : "ready";
    case 2:
      return "held";
    case 3:
      return "waiting";
    default:
      return isFate(row.fate) ? row.fate : "ready";
  }
}

function isFate(
  fate: string | null,
): fate is "applied" | "ignored" | "superseded" | "quarantined" | "dead" {
  return fate !== null && fate in FATE;
}

function itemOf(row: Row): Item {
  const lane = row.lane === 0 || row.lane === 1 || row.lane === 9 ? row.lane : 5;
  return {
    id: String(row.id),
    provider: providerOf(row.provider),
    endpoint: row.endpoint,
    endpointName: row.endpoint_name,
    externalId: row.external_id,
    type: row.event_type,
    key: row.okey,
    lane,
    state: stateOf(row),
    reason: row.reason,
    attempts: row.attempts,
    duplicates: row.duplicates,
    occurredAt: (row.occurred_at ?? row.received_at).toISOString(),
    receivedAt: row.received_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
    tookMs: row.settled_at === null ? null : row.settled_at.getTime() - row.received_at.getTime(),
  };
}

interface DetailRow extends Row {
  readonly api_version: string | null;
  readonly secret_no: number;
  readonly body_length: number;
  readonly body_offset: number;
  readonly segment: Buffer | null;
  readonly waiting_for: string | null;
  readonly next_at: Date | null;
}

export async function showEvent(
  ctx: Ctx,
  id: string,
  changesOf: RecordChanges,
): Promise<z.input<typeof inboxShow.output>> {
  const numeric = /^\d{1,15}$/.test(id);
  const result = await ctx.tx.client.query<DetailRow>(
    `select ${COLUMNS}, e.api_version, e.secret_no, e.body_offset, e.body_length, s.body as segment, x.waiting_for,
       coalesce(x.next_at, k.next_at) as next_at
     from inbox_events e ${JOINS} left join inbox_segments s on s.id = e.segment_id
     where e.workspace_id = $1 and ${numeric ? "e.id = $2" : "e.endpoint_id in (select id from endpoints) and e.external_id = $2"}
     order by e.id desc limit 1`,
    [ctx.workspace.id, numeric ? Number(id) : id],
  );
  const row = result.rows[0];
  if (row === undefined) {
    throw new Problem(unknownEvent, `No event ${id} was received.`);
  }
  const item = itemOf(row);
  const tries = await ctx.tx.client.query<{
    at: Date;
    outcome: string;
    error: string | null;
    worker: string;
  }>(
    "select at, outcome, error, worker from inbox_attempts where event_id = $1 order by id desc limit 100",
    [row.id],
  );
  const conflicts = await ctx.tx.client.query<{ n: number }>(
    "select count(*) as n from inbox_conflicts where event_id = $1",
    [row.id],
  );
  const changes = await changesOf(ctx, {
    workspaceId: ctx.workspace.id,
    externalId: row.external_id,
    provider: item.provider,
  });
  return {
    ...item,
    apiVersion: row.api_version,
    supersededBy: row.superseded_by,
    waitingFor: row.waiting_for,
    nextTryAt: row.next_at?.toISOString() ?? null,
    body:
      row.segment === null
        ? null
        : unpackSegment(row.segment).toString(
            "utf8",
            row.body_offset,
            row.body_offset + row.body_length,
          ),
    bodyBytes: row.body_length,
    bodyKeptUntil: addHours(row.received_at, BODY_DAYS * 24).toISOString(),
    headers: { "signed with secret": String(row.secret_no) },
    tries: tries.rows.map(({ at, outcome, error, worker }) => ({
      at: at.toISOString(),
      outcome,
      error,
      worker,
    })),
    changes: changes.map(({ table, id: rowId, summary, changed }) => ({
      table,
      id: rowId,
      summary,
      changed: Object.fromEntries(
        Object.entries(changed).map(([field, [before, after]]) => [
          field,
          [before, after] satisfies [unknown, unknown],
        ]),
      ),
    })),
    conflicts: conflicts.rows[0]?.n ?? 0,
  };
}
