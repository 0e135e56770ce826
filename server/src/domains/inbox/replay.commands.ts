import type { z } from "zod";

import type { Ctx } from "#platform/context.ts";
import { Problem } from "#platform/problem.ts";

import type { inboxReplay } from "./contract.ts";
import { PROVIDERS } from "./ports.ts";
import { emptyReplay, unknownEvent } from "./problems.ts";

type Input = z.output<typeof inboxReplay.input>;

/** Beyond this one asks for less: a replay is decided in one transaction. */
const MOST = 100_000;
/** Up to this many go where they would have gone; more are bulk and wait behind everything else. */
const FEW = 20;

export interface ReplayPlan {
  readonly events: readonly {
    readonly id: number;
    readonly external_id: string;
    readonly event_type: string;
    readonly fate: number | null;
  }[];
  readonly bulk: boolean;
}

/** Which settled events a replay means. Events that are still to be worked off are left alone: they will be. */
export async function planReplay(ctx: Ctx, input: Input): Promise<ReplayPlan> {
  const ids = input.ids ?? [];
  if (
    ids.length === 0 &&
    input.type === undefined &&
    input.since === undefined &&
    input.until === undefined &&
    input.failed !== true
  ) {
    throw new Problem(emptyReplay);
  }
  const numbers = ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number);
  const externals = ids.filter((id) => !/^\d{1,15}$/.test(id));
  const result = await ctx.tx.client.query<ReplayPlan["events"][number]>(
    `select e.id, e.external_id, e.event_type, o.fate from inbox_events e
     join inbox_outcomes o on o.event_id = e.id
     where e.workspace_id = $1
       and ($2::bigint[] is null or e.id = any($2) or (e.endpoint_id in (select id from endpoints) and e.external_id = any($3::text[])))
       and ($4::text is null or e.event_type like $4)
       and ($5::timestamptz is null or e.received_at >= $5) and ($6::timestamptz is null or e.received_at < $6)
       and ($7::smallint is null or e.provider = $7)
       and (not $8::boolean or o.fate in (4, 5))
       and not exists (select from inbox_work w where w.workspace_id = e.workspace_id and w.okey = e.okey and w.event_id = e.id)
     order by e.id limit ${String(MOST)}`,
    [
      ctx.workspace.id,
      ids.length === 0 ? null : numbers,
      externals,
      input.type === undefined
        ? null
        : input.type.replaceAll(/[\\%_]/g, String.raw`\$&`).replace(/\*$/, "%"),
      input.since ?? null,
      input.until ?? null,
      input.provider === undefined ? null : PROVIDERS[input.provider],
      input.failed === true,
    ],
  );
  if (ids.length === 1 && result.rows.length === 0) {
    throw new Problem(unknownEvent, `No settled event ${ids[0] ?? ""} can be replayed.`);
  }
  return { events: result.rows, bulk: result.rows.length > FEW };
}

/** Puts them back to work; lane 9 where there are many. Their ends stay until new ones are written. */
export async function applyReplay(ctx: Ctx, plan: ReplayPlan): Promise<void> {
  if (plan.events.length === 0) {
    return;
  }
  await ctx.tx.client.query(
    `insert into inbox_work (event_id, workspace_id, lane, provider, okey, replay)
     select e.id, e.workspace_id, case when $2 then 9 else e.lane end, e.provider, e.okey, true
     from inbox_events e where e.id = any($1::bigint[]) order by e.id
     on conflict (workspace_id, okey, event_id) do nothing`,
    [plan.events.map((event) => event.id), plan.bulk],
  );
  await ctx.audit({
    action: "webhook.replayed",
    subject:
      plan.events.length === 1 ? { kind: "event", id: plan.events[0]?.external_id ?? "" } : null,
    detail: {
      events: plan.events.length,
      first: plan.events.slice(0, 20).map((event) => event.external_id),
      lane: plan.bulk ? 9 : null,
    },
  });
  await ctx.tx.client.query("select pg_notify('purser_inbox', 'work')");
}
