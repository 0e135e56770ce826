import type { z } from "zod";

import { planChanged } from "#domains/billing/events.ts";
import type { Ctx } from "#platform/context.ts";
import { type Reaction, react } from "#platform/queue/handlers.ts";

import { followCatalogue } from "./store.ts";

/**
 * A new version of a plan reaches the organizations of its tier. A change of tier needs no reaction:
 * a trigger moves the limits in the transaction that moves the tier, so the two are never apart,
 * whoever wrote it.
 */
export async function onPlanChanged(
  ctx: Ctx,
  payload: z.output<typeof planChanged.payload>,
): Promise<void> {
  const changed = await followCatalogue(ctx.tx.client, ctx.workspace.id, payload.tier, ctx.now);
  if (changed > 0) {
    await ctx.audit({
      action: "quota.plan_followed",
      subject: { kind: "plan", id: payload.tier },
      detail: { version: payload.version, rows: changed },
    });
  }
}

export const quotaReactions: readonly Reaction[] = [react(planChanged, "quotas", onPlanChanged)];
