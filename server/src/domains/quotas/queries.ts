import { sql } from "drizzle-orm";
import type { z } from "zod";

import type { Ctx } from "#platform/context.ts";
import { rowsOf } from "#platform/db/tx.ts";
import { Problem, notFound } from "#platform/problem.ts";

import type { QuotaAnswer, QuotaView, entitlementsView, showQuotas } from "./contract.ts";
import type { QuotaRow } from "./model.ts";
import {
  type UsageAnswer,
  rateLimitHeaders,
  refusalOf,
  refusalSentence,
  stateOf,
} from "./quota.core.ts";
import { followPlan, readRows } from "./store.ts";

type Entitlements = z.output<typeof entitlementsView>;

/**
 * Every quota of an organization.
 *
 * @throws Problem platform/not-found where the workspace has no such organization
 */
export async function quotasOf(ctx: Ctx, organizationId: string): Promise<readonly QuotaRow[]> {
  const rows = await readRows(ctx.tx.client, ctx.workspace.id, organizationId);
  if (rows.length > 0) {
    return rows;
  }
  await followPlan(ctx.tx.client, ctx.workspace.id, organizationId);
  const made = await readRows(ctx.tx.client, ctx.workspace.id, organizationId);
  if (made.length === 0) {
    throw new Problem(notFound, `No organization ${organizationId} with quotas is known here.`);
  }
  return made;
}

export function viewOf(row: QuotaRow, now: Date): QuotaView {
  const state = stateOf(row, now);
  return {
    dimension: row.dimension,
    used: state.used,
    limit: state.limit,
    remaining: state.remaining,
    unlimited: row.unlimited,
    overLimit: state.overLimit,
    resetsAt: state.resetsAt?.toISOString() ?? null,
    lastResetAt: row.lastResetAt.toISOString(),
    source: row.limitSource,
    overrideBy: row.overrideBy,
    overrideAt: row.overrideAt?.toISOString() ?? null,
  };
}

export async function show(
  ctx: Ctx,
  organizationId: string,
): Promise<z.output<typeof showQuotas.output>> {
  const rows = await quotasOf(ctx, organizationId);
  return {
    organizationId,
    tier: rows[0]?.tier ?? "free",
    locked: rows[0]?.locked ?? false,
    items: rows.map((row) => viewOf(row, ctx.now)),
  };
}

/** The figures of one decision in the words of the contract. */
export function answerOf(answer: UsageAnswer, now: Date): QuotaAnswer {
  const { row, state, rule } = answer;
  return {
    organizationId: row.organizationId,
    dimension: row.dimension,
    allowed: rule === null,
    amount: Math.abs(answer.amount),
    used: state.used,
    limit: state.limit,
    remaining: state.remaining,
    resetsAt: state.resetsAt?.toISOString() ?? null,
    tier: row.tier,
    source: row.limitSource,
    refusal: rule === null ? null : { rule, sentence: refusalSentence(rule, row, state) },
    replayed: answer.replayed,
    headers: rateLimitHeaders(row, state, now),
  };
}

/** What `rows` let the organization do. */
export function entitlementsOf(rows: readonly QuotaRow[], now: Date): Entitlements {
  return {
    organizationId: rows[0]?.organizationId ?? "",
    tier: rows[0]?.tier ?? "free",
    locked: rows[0]?.locked ?? false,
    items: rows.map((row) => {
      const state = stateOf(row, now);
      const rule = refusalOf(row, state, 1);
      return {
        dimension: row.dimension,
        canAdd: rule === null,
        canRead: true,
        limit: state.limit,
        used: state.used,
        refusal: rule === null ? null : { rule, sentence: refusalSentence(rule, row, state) },
      };
    }),
    readAt: now.toISOString(),
  };
}

/** Organizations over a limit and limits set by hand, for the desk's summary. */
export async function quotaFigures(
  ctx: Ctx,
): Promise<{ readonly overLimit: number; readonly overrides: number }> {
  const rows = await rowsOf<{ over: number; overrides: number }>(
    ctx.tx,
    sql`select count(distinct organization_id) filter (where dimension <> 'api_calls' and current_usage > quota_limit) as over,
               count(*) filter (where limit_source = 'override') as overrides
          from usage_quotas where workspace_id = ${ctx.workspace.id}`,
  );
  return { overLimit: rows[0]?.over ?? 0, overrides: rows[0]?.overrides ?? 0 };
}
