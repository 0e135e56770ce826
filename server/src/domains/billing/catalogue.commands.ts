import { type TierMove, moveTiers } from "#domains/directory/commands.ts";
import type { Ctx } from "#platform/context.ts";
import type { Plan as OperationPlan } from "#platform/operation/bound.ts";
import { Problem } from "#platform/problem.ts";

import type { PlanView } from "./contract.ts";
import { planChanged } from "./events.ts";
import { TIERS, type Tier } from "./model.ts";
import { DEFAULT_PLANS, type Plan, type PlanEdit, decidePlan } from "./plan.core.ts";
import {
  insertPlan,
  liveByTier,
  mapPrice,
  plansInForce,
  pricesWithPlans,
  setSubscriptionTiers,
  subscriptionsOnPrice,
} from "./plan.store.ts";
import { badLimits } from "./problems.ts";
import { announceTiers } from "./projection.commands.ts";
import { parseTier, tierOfItems, tierOfOrganization } from "./tier.core.ts";
import { mappedPrices, votesOf } from "./tier.store.ts";
import { type Raw, isAbsent, isRaw, moneyOrNull, text, textOrNull } from "./views.ts";

function actorName(ctx: Ctx): string {
  return "name" in ctx.actor ? ctx.actor.name : ctx.actor.kind;
}

/** Gives a workspace the default catalogue as its own first versions; a tier that it has edited stays. */
export async function seedCatalogue(ctx: Ctx): Promise<void> {
  const plans = await plansInForce(ctx.tx, ctx.workspace.id);
  for (const tier of TIERS) {
    if ((plans.get(tier)?.version ?? 0) === 0) {
      const plan = { ...DEFAULT_PLANS[tier], version: 1 };
      await insertPlan(ctx.tx, ctx.workspace.id, plan, { name: actorName(ctx), at: ctx.now });
    }
  }
}

function priceView(raw: Raw) {
  return {
    priceId: text(raw, "stripe_price_id"),
    productName: textOrNull(raw, "product_name"),
    nickname: textOrNull(raw, "nickname"),
    billingCycle: textOrNull(raw, "billing_cycle"),
    amount: moneyOrNull(raw, "unit_amount_cents"),
    active: raw["active"] === true,
  };
}

export async function listPrices(
  ctx: Ctx,
  filter: {
    readonly unmapped?: boolean | undefined;
    readonly limit: number;
    readonly cursor?: string | undefined;
  },
) {
  const all = await pricesWithPlans(ctx.tx, ctx.workspace.id);
  const start = filter.cursor === undefined ? 0 : Number.parseInt(filter.cursor, 10) || 0;
  const wanted = filter.unmapped === true ? all.filter((raw) => isAbsent(raw["tier"])) : all;
  const items = wanted.slice(start, start + filter.limit).map((raw) =>
    Object.assign(priceView(raw), {
      productId: textOrNull(raw, "stripe_product_id"),
      tier: parseTier(raw["tier"]),
      liveSubscriptions: Number(raw["live"] ?? 0),
    }),
  );
  const end = start + filter.limit;
  return { items, nextCursor: end < wanted.length ? String(end) : null };
}

export async function listPlans(ctx: Ctx): Promise<PlanView[]> {
  const plans = await plansInForce(ctx.tx, ctx.workspace.id);
  const prices = await pricesWithPlans(ctx.tx, ctx.workspace.id);
  const live = await liveByTier(ctx.tx, ctx.workspace.id);
  return [...plans.values()].map((plan) => ({
    tier: plan.tier,
    name: plan.name,
    version: plan.version,
    unlimited: plan.unlimited,
    limits: { ...plan.limits },
    prices: prices
      .filter((raw) => raw["tier"] === plan.tier)
      .map((raw) =>
        Object.assign(priceView(raw), {
          mappedBy: raw["by_staff"] === true ? ("staff" as const) : ("metadata" as const),
        }),
      ),
    liveSubscriptions: live.get(plan.tier) ?? 0,
    updatedAt: plan.createdAt?.toISOString() ?? null,
  }));
}

interface PlanDecided {
  readonly before: Plan;
  readonly after: Plan;
}

/** @throws Problem badLimits */
export async function planPlan(
  ctx: Ctx,
  tier: Tier,
  edit: PlanEdit,
): Promise<OperationPlan<PlanDecided>> {
  const plans = await plansInForce(ctx.tx, ctx.workspace.id);
  const before = plans.get(tier) ?? DEFAULT_PLANS[tier];
  const decision = decidePlan(before, edit);
  if (decision.kind === "refused") {
    throw new Problem(badLimits, decision.why);
  }
  const changed = decision.kind === "changed";
  return {
    preview: {
      summary: changed
        ? `Make version ${decision.plan.version} of the ${tier} plan`
        : `The ${tier} plan is like that already`,
      changes: changed
        ? [
            {
              table: "plans",
              id: tier,
              before: { name: before.name, unlimited: before.unlimited, ...before.limits },
              after: {
                name: decision.plan.name,
                unlimited: decision.plan.unlimited,
                ...decision.plan.limits,
              },
            },
          ]
        : [],
    },
    decision: { before, after: decision.plan },
  };
}

export async function setPlan(ctx: Ctx, decided: PlanDecided): Promise<PlanView> {
  const { before, after } = decided;
  if (after.version !== before.version) {
    const workspaceId = ctx.workspace.id;
    await insertPlan(ctx.tx, workspaceId, after, { name: actorName(ctx), at: ctx.now });
    await ctx.audit({
      action: "plan.changed",
      subject: { kind: "plan", id: after.tier },
      detail: { version: after.version, before: before.limits, after: after.limits },
    });
    await ctx.announce(
      planChanged,
      { workspaceId, tier: after.tier, version: after.version },
      { workspaceId },
    );
  }
  const views = await listPlans(ctx);
  const view = views.find((each) => each.tier === after.tier);
  if (view === undefined) {
    throw new Error(`The ${after.tier} plan was set but is not in the catalogue.`);
  }
  return view;
}

interface Remapped {
  readonly id: string;
  readonly organizationId: string;
  readonly before: Tier | null;
  readonly after: Tier | null;
}

/** What each subscription on a price would buy under another mapping. */
export async function planMapping(
  ctx: Ctx,
  input: { readonly priceId: string; readonly tier: Tier | null },
): Promise<OperationPlan<readonly Remapped[]>> {
  const workspaceId = ctx.workspace.id;
  const rows = await subscriptionsOnPrice(ctx.tx, workspaceId, input.priceId);
  const items = rows.map((row) => ({ row, items: itemsOf(row.snapshot) }));
  const prices = [...new Set(items.flatMap((each) => each.items.map((item) => item.price)))];
  const mapped = await mappedPrices(ctx.tx, {
    workspaces: prices.map(() => workspaceId),
    ids: prices,
  });
  const remapped = items
    .map(({ row, items: own }) => ({
      id: row.id,
      organizationId: row.organizationId,
      before: parseTier(row.tier),
      after: tierOfItems(own, (price) =>
        price === input.priceId ? input.tier : (mapped.get(`${workspaceId} ${price}`) ?? null),
      ),
    }))
    .filter((each) => each.before !== each.after);
  return {
    preview: {
      summary: `${input.tier === null ? `Unmap ${input.priceId}` : `Let ${input.priceId} buy ${input.tier}`}: ${remapped.length} subscriptions`,
      changes: remapped.map((each) => ({
        table: "subscriptions",
        id: each.id,
        before: { tier: each.before },
        after: { tier: each.after },
      })),
    },
    decision: remapped,
  };
}

function itemsOf(snapshot: string) {
  const parsed: unknown = JSON.parse(snapshot);
  const items = isRaw(parsed) ? parsed["items"] : null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by this program as JSON of exactly this type
  return (Array.isArray(items) ? items : []) as { price: string; tierHint: Tier | null }[];
}

export async function applyMapping(
  ctx: Ctx,
  input: { readonly priceId: string; readonly tier: Tier | null },
  remapped: readonly Remapped[],
) {
  const { tx, now, workspace } = ctx;
  await mapPrice(tx, { workspaceId: workspace.id, ...input, by: actorName(ctx), at: now });
  await setSubscriptionTiers(
    tx,
    remapped.map((each) => ({ id: each.id, tier: each.after })),
  );
  const moves = await retier(ctx, [...new Set(remapped.map((each) => each.organizationId))]);
  await ctx.audit({
    action: "price.mapped",
    subject: { kind: "price", id: input.priceId },
    detail: { tier: input.tier, subscriptions: remapped.length, organizations: moves.length },
  });
  return { ...input, subscriptions: remapped.length, organizationsChanged: moves.length };
}

/** Computes the tiers of organizations anew and announces those that moved. */
async function retier(ctx: Ctx, ids: readonly string[]): Promise<readonly TierMove[]> {
  const moves = await moveTiers(
    ctx.tx,
    ids,
    async () => {
      const votes = await votesOf(ctx.tx, ids);
      return new Map(
        ids.map((id) => [
          id,
          { tier: tierOfOrganization(votes.get(id) ?? []), because: "plans.map_price" },
        ]),
      );
    },
    ctx.now,
  );
  await announceTiers(ctx, moves);
  return moves;
}
