import type { z } from "zod";

import { addHours } from "#platform/clock.ts";
import type { Actor, Ctx } from "#platform/context.ts";
import type { Plan } from "#platform/operation/bound.ts";
import { Problem, notFound } from "#platform/problem.ts";

import type { resetAllQuotas, setQuota } from "./contract.ts";
import { PERIODIC, type QuotaRow } from "./model.ts";
import { nothingToSet, unlimitedByPlan } from "./problems.ts";
import { monthStart, stateOf } from "./quota.core.ts";
import {
  LEDGER_HOURS,
  announceChange,
  countReset,
  followCatalogue,
  lockRow,
  planLimit,
  purgeLedger,
  resetRows,
  writeRow,
} from "./store.ts";

type SetInput = z.output<typeof setQuota.input>;
type ResetInput = z.output<typeof resetAllQuotas.input>;
type ResetOutput = z.output<typeof resetAllQuotas.output>;

function nameOf(actor: Actor): string {
  switch (actor.kind) {
    case "staff":
    case "token":
      return actor.name;
    case "provider":
      return actor.provider;
    case "system":
      return actor.job;
  }
}

export interface QuotaChange {
  readonly before: QuotaRow;
  readonly after: QuotaRow;
}

/** What a limit set by a person looks like: signed, and held until the tier next changes. */
async function limitAfter(ctx: Ctx, input: SetInput, row: QuotaRow): Promise<QuotaRow> {
  if (input.usePlan) {
    const plan = await planLimit(ctx.tx.client, row);
    if (plan === null) {
      throw new Problem(unlimitedByPlan, `The catalogue has no plan ${row.tier}.`);
    }
    return {
      ...row,
      quotaLimit: plan.limit,
      unlimited: plan.unlimited,
      limitSource: "plan",
      overrideBy: null,
      overrideAt: null,
    };
  }
  if (input.limit === undefined) {
    return row;
  }
  return {
    ...row,
    quotaLimit: input.limit,
    unlimited: false,
    limitSource: "override",
    overrideBy: nameOf(ctx.actor),
    overrideAt: ctx.now,
  };
}

/** @throws Problem quotas/nothing-to-set, platform/not-found */
export async function decideSet(ctx: Ctx, input: SetInput): Promise<Plan<QuotaChange>> {
  if (input.limit === undefined && input.usage === undefined && !input.usePlan) {
    throw new Problem(nothingToSet, "Give a limit, a usage, or usePlan.");
  }
  if (input.limit !== undefined && input.usePlan) {
    throw new Problem(nothingToSet, "A limit of its own and the plan's limit exclude each other.");
  }
  const found = await lockRow(ctx.tx.client, { workspaceId: ctx.workspace.id, ...input });
  if (found === null) {
    throw new Problem(notFound, `No organization ${input.organizationId} is known here.`);
  }
  const limited = await limitAfter(ctx, input, found);
  const after =
    input.usage === undefined
      ? limited
      : { ...limited, currentUsage: input.usage, lastResetAt: startedBy(found, ctx.now) };
  const state = stateOf(after, ctx.now);
  return {
    preview: {
      summary: `Set ${input.dimension} of ${input.organizationId} to ${limitWords(after)}`,
      changes: [
        {
          table: "usage_quotas",
          id: `${input.organizationId}/${input.dimension}`,
          before: figuresOf(found, ctx.now),
          after: figuresOf(after, ctx.now),
        },
      ],
      warnings: state.overLimit
        ? [`${state.used} are in use: they stay, none can be added below ${state.limit ?? 0}.`]
        : [],
    },
    decision: { before: found, after },
  };
}

/** A usage typed for this month is this month's, even where the row still stands in an ended one. */
function startedBy(row: QuotaRow, now: Date): Date {
  const ended = PERIODIC.includes(row.dimension) && row.lastResetAt < monthStart(now);
  return ended ? now : row.lastResetAt;
}

function limitWords(row: QuotaRow): string {
  return row.unlimited ? "unlimited (the plan)" : `${row.quotaLimit ?? 0} (${row.limitSource})`;
}

function figuresOf(row: QuotaRow, now: Date): Record<string, unknown> {
  return {
    current_usage: stateOf(row, now).used,
    quota_limit: row.quotaLimit,
    unlimited: row.unlimited,
    limit_source: row.limitSource,
  };
}

export async function applySet(ctx: Ctx, input: SetInput, change: QuotaChange): Promise<QuotaRow> {
  const { before, after } = change;
  await writeRow(ctx.tx.client, after, ctx.now);
  await ctx.audit({
    action: "quota.set",
    subject: { kind: "quota", id: `${after.organizationId}/${after.dimension}` },
    organizationId: after.organizationId,
    detail: {
      dimension: after.dimension,
      limit: [before.quotaLimit, after.quotaLimit],
      usage: [stateOf(before, ctx.now).used, stateOf(after, ctx.now).used],
      source: [before.limitSource, after.limitSource],
      reason: input.reason ?? null,
    },
  });
  return after;
}

export interface ResetDecision {
  readonly due: number;
  readonly alreadyReset: number;
}

export async function decideReset(ctx: Ctx, input: ResetInput): Promise<Plan<ResetDecision>> {
  const start = monthStart(ctx.now);
  const { due, alreadyReset } = await countReset(ctx.tx.client, ctx.workspace.id, PERIODIC, start);
  const rows = input.force ? due + alreadyReset : due;
  return {
    preview: {
      summary: `Begin the month for ${rows} quotas`,
      changes: [],
      rows,
      warnings: input.force
        ? [`${alreadyReset} organizations lose what they have used since ${start.toISOString()}.`]
        : [],
    },
    decision: { due, alreadyReset },
  };
}

/**
 * Sets the monthly dimensions of the workspace to nought. The month itself does not wait for this:
 * usage of an ended month no longer counts anyway, so running it twice, late or not at all changes
 * no decision, only what the row shows.
 */
export async function applyReset(ctx: Ctx, input: ResetInput): Promise<ResetOutput> {
  const start = monthStart(ctx.now);
  const { client } = ctx.tx;
  const times = { before: input.force ? addHours(ctx.now, 1) : start, now: ctx.now };
  const reset = await resetRows(client, ctx.workspace.id, PERIODIC, times);
  const { alreadyReset } = await countReset(client, ctx.workspace.id, PERIODIC, start);
  if (reset > 0 || input.force) {
    await ctx.audit({
      action: "quota.month_begun",
      subject: null,
      detail: { reset, force: input.force, periodStart: start.toISOString() },
    });
  }
  return {
    reset,
    alreadyReset: alreadyReset - reset,
    periodStart: start.toISOString(),
    nextReset: monthStart(ctx.now, 1).toISOString(),
    at: ctx.now.toISOString(),
  };
}

/** Keyed calls are kept for a day; older ones only take room. */
export async function forgetOldRequests(ctx: Ctx): Promise<number> {
  const before = addHours(ctx.now, -LEDGER_HOURS);
  return purgeLedger(ctx.tx.client, ctx.workspace.id, before);
}

/**
 * A new version of a plan reaches the organizations of its tier. A change of tier needs no such
 * thing: a trigger moves the limits in the transaction that moves the tier.
 */
export async function followPlanChange(
  ctx: Ctx,
  change: { readonly tier: string; readonly version: number },
): Promise<void> {
  const changed = await followCatalogue(ctx.tx.client, ctx.workspace.id, change.tier, ctx.now);
  if (changed > 0) {
    await ctx.audit({
      action: "quota.plan_followed",
      subject: { kind: "plan", id: change.tier },
      detail: { version: change.version, rows: changed },
    });
  }
}

/** Makes every node read an organization's entitlements anew (`*`: everybody's), once this commits. */
export async function forgetCached(ctx: Ctx, who: string): Promise<void> {
  await announceChange(ctx.tx.client, who);
}
