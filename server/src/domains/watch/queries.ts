import type { z } from "zod";

import { addMs } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";

import type { paymentMetrics, summaryMetrics, webhookMetrics } from "./contract.ts";

const MINUTE_MS = 60_000;
/** Lags are taken from the newest outcomes of the window: more would change no figure and cost a scan. */
const LAG_SAMPLE = 5_000;
const TYPES_SHOWN = 50;

type WebhookFigures = z.input<typeof webhookMetrics.output>["data"];
type PaymentFigures = z.input<typeof paymentMetrics.output>["data"];
type SummaryFigures = z.input<typeof summaryMetrics.output>["data"];

interface Counts {
  readonly received: number;
  readonly processed: number;
  readonly failed: number;
  readonly pending: number;
  readonly duplicates: number;
  readonly refused: number;
}

/** The window counts what was received, what ended and what was refused in it; `pending` is what waits now. */
export async function webhookFigures(ctx: Ctx, windowMinutes: number): Promise<WebhookFigures> {
  const { client } = ctx.tx;
  const values = [ctx.workspace.id, addMs(ctx.now, -windowMinutes * MINUTE_MS)];
  const counts = await client.query<Counts>(
    `select (select count(*) from inbox_events where workspace_id = $1 and received_at >= $2) as received,
            (select count(*) from inbox_outcomes where workspace_id = $1 and at >= $2 and fate in (1, 2, 3)) as processed,
            (select count(*) from inbox_outcomes where workspace_id = $1 and at >= $2 and fate in (4, 5)) as failed,
            (select count(*) from inbox_work where workspace_id = $1 and state <> 2) as pending,
            coalesce((select sum(count)::int from inbox_duplicates where workspace_id = $1 and last_at >= $2), 0) as duplicates,
            coalesce((select sum(count)::int from inbox_rejected where workspace_id = $1 and at >= $2), 0) as refused`,
    values,
  );
  const lags = await client.query<{ p50: number | null; p99: number | null }>(
    `select percentile_disc(0.5) within group (order by ms) as p50, percentile_disc(0.99) within group (order by ms) as p99
       from (select extract(epoch from o.at - e.received_at)::float8 * 1000 as ms
               from inbox_outcomes o join inbox_events e on e.id = o.event_id
              where o.workspace_id = $1 and o.at >= $2 and o.fate in (1, 2, 3)
              order by o.event_id desc limit ${LAG_SAMPLE}) as sample`,
    values,
  );
  const byType = await client.query<{ eventType: string; received: number; failed: number }>(
    `select e.event_type as "eventType", count(*) as received, count(*) filter (where o.fate in (4, 5)) as failed
       from inbox_events e left join inbox_outcomes o on o.event_id = e.id
      where e.workspace_id = $1 and e.received_at >= $2
      group by e.event_type order by failed desc, received desc limit ${TYPES_SHOWN}`,
    values,
  );
  const [row] = counts.rows;
  const [lag] = lags.rows;
  if (row === undefined || lag === undefined) {
    throw new Error("Counts came back without a row.");
  }
  const finished = row.processed + row.failed;
  return {
    windowMinutes,
    received: row.received,
    processed: row.processed,
    failed: row.failed,
    pending: row.pending,
    duplicates: row.duplicates,
    refusedSignatures: row.refused,
    failureRate: finished === 0 ? 0 : row.failed / finished,
    lagMs: lag,
    byType: byType.rows,
  };
}

export async function paymentFigures(ctx: Ctx, windowMinutes: number): Promise<PaymentFigures> {
  const found = await ctx.tx.client.query<{ paid: number; failed: number; hurt: number }>(
    `select count(distinct object_id) filter (where event_type = 'invoice.paid') as paid,
            count(*) filter (where event_type = 'invoice.payment_failed') as failed,
            count(distinct organization_id) filter (where event_type = 'invoice.payment_failed') as hurt
       from subscription_events
      where workspace_id = $1 and created_at >= $2 and event_type in ('invoice.paid', 'invoice.payment_failed')`,
    [ctx.workspace.id, addMs(ctx.now, -windowMinutes * MINUTE_MS)],
  );
  const { paid, failed, hurt } = found.rows[0] ?? { paid: 0, failed: 0, hurt: 0 };
  const all = paid + failed;
  return {
    windowMinutes,
    paid,
    failed,
    failureRate: all === 0 ? 0 : failed / all,
    customersHurt: hurt,
  };
}

function tally(rows: readonly { readonly name: string; readonly n: number }[]) {
  return {
    total: rows.reduce((sum, row) => sum + row.n, 0),
    counts: Object.fromEntries(rows.map((row) => [row.name, row.n])),
  };
}

export async function recordFigures(
  ctx: Ctx,
): Promise<Pick<SummaryFigures, "organizations" | "subscriptions">> {
  const tiers = await ctx.tx.client.query<{ name: string; n: number }>(
    "select plan_tier as name, count(*) as n from organizations where workspace_id = $1 group by 1 order by 1",
    [ctx.workspace.id],
  );
  const statuses = await ctx.tx.client.query<{ name: string; n: number }>(
    "select status as name, count(*) as n from subscriptions where workspace_id = $1 group by 1 order by 1",
    [ctx.workspace.id],
  );
  const organizations = tally(tiers.rows);
  const subscriptions = tally(statuses.rows);
  return {
    organizations: { total: organizations.total, byTier: organizations.counts },
    subscriptions: { total: subscriptions.total, byStatus: subscriptions.counts },
  };
}
