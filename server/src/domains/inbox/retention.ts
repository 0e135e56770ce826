import type { Pool } from "pg";

import { addHours, type Clock } from "#platform/clock.ts";

import { BODY_DAYS } from "./event.queries.ts";

/** How far back the ledger against duplicates reaches. */
const LEDGER_DAYS = 90;
const REJECTED_DAYS = 30;
const RATES_DAYS = 2;
const BATCH = 5_000;

export interface Swept {
  readonly segments: number;
  readonly events: number;
  readonly others: number;
}

/**
 * Lets go of what is past its time, in small transactions: bodies after 30 days, events with the
 * ledger after 90. What is still to be worked off keeps its event and its body. Role purser_jobs.
 */
export async function sweepInbox(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
}): Promise<Swept> {
  const now = deps.clock.now();
  const bodies = addHours(now, -24 * BODY_DAYS);
  const ledger = addHours(now, -24 * LEDGER_DAYS);
  const run = (text: string, before: Date): Promise<number> => inBatches(deps.pool, text, before);
  const segments = await run(
    `delete from inbox_segments where id in (
       select s.id from inbox_segments s where s.at < $1
         and not exists (select from inbox_work w join inbox_events e on e.id = w.event_id where e.segment_id = s.id)
       order by s.at limit ${String(BATCH)})`,
    bodies,
  );
  const events = await run(
    `with old as (
       delete from inbox_events where id in (
         select e.id from inbox_events e where e.received_at < $1
           and not exists (select from inbox_work w where w.workspace_id = e.workspace_id and w.okey = e.okey and w.event_id = e.id)
         limit ${String(BATCH)}) returning id
     ), o as (delete from inbox_outcomes x using old where x.event_id = old.id),
        a as (delete from inbox_attempts x using old where x.event_id = old.id),
        d as (delete from inbox_duplicates x using old where x.event_id = old.id),
        c as (delete from inbox_conflicts x using old where x.event_id = old.id)
     select from old`,
    ledger,
  );
  const rejected = await run(
    `delete from inbox_rejected where id in (select id from inbox_rejected where at < $1 limit ${String(BATCH)})`,
    addHours(now, -24 * REJECTED_DAYS),
  );
  const rates = await run(
    "delete from inbox_rates where minute < $1",
    addHours(now, -24 * RATES_DAYS),
  );
  const nodes = await run("delete from inbox_nodes where seen_at < $1", addHours(now, -24));
  return { segments, events, others: rejected + rates + nodes };
}

async function inBatches(pool: Pool, text: string, before: Date): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await inAllWorkspaces(pool, text, before);
    total += removed;
    if (removed < BATCH) {
      return total;
    }
  }
}

async function inAllWorkspaces(pool: Pool, text: string, before: Date): Promise<number> {
  const client = await pool.connect();
  let failed = true;
  try {
    await client.query("begin");
    await client.query(
      "select set_config('purser.workspaces', (select coalesce(array_agg(id), '{}')::text from workspaces), true)",
    );
    const result = await client.query(text, [before]);
    await client.query("commit");
    failed = false;
    return result.rowCount ?? 0;
  } finally {
    client.release(failed);
  }
}
