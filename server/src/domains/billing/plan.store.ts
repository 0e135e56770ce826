import type { Tx } from "#platform/db/tx.ts";

import { DIMENSIONS, TIERS, type Tier } from "./model.ts";
import { DEFAULT_PLANS, type Plan } from "./plan.core.ts";
import { parseTier } from "./tier.core.ts";
import { type Raw, count, isAbsent, text } from "./views.ts";

/** The plans in force: of each tier the newest version, or the default where the workspace has none. */
export async function plansInForce(
  tx: Tx,
  workspaceId: number,
): Promise<ReadonlyMap<Tier, Plan & { readonly createdAt: Date | null }>> {
  const found = await tx.client.query<Raw>(
    "select distinct on (tier) * from plans where workspace_id = $1 order by tier, version desc",
    [workspaceId],
  );
  const plans = new Map<Tier, Plan & { readonly createdAt: Date | null }>(
    TIERS.map((tier) => [tier, { ...DEFAULT_PLANS[tier], createdAt: null }]),
  );
  for (const raw of found.rows) {
    const tier = parseTier(raw["tier"]);
    const createdAt = raw["created_at"];
    if (tier !== null) {
      plans.set(tier, {
        tier,
        name: text(raw, "name"),
        version: count(raw, "version"),
        unlimited: raw["unlimited"] === true,
        limits: {
          sites: limit(raw, "sites"),
          posts: limit(raw, "posts"),
          users: limit(raw, "users"),
          storage_bytes: limit(raw, "storage_bytes"),
          api_calls: limit(raw, "api_calls"),
        },
        createdAt: createdAt instanceof Date ? createdAt : null,
      });
    }
  }
  return plans;
}

function limit(raw: Raw, column: string): number | null {
  return isAbsent(raw[column]) ? null : Number(raw[column]);
}

/** @throws DatabaseError unique_violation where someone else made the same version */
export async function insertPlan(
  tx: Tx,
  workspaceId: number,
  plan: Plan,
  by: { readonly name: string; readonly at: Date },
): Promise<void> {
  await tx.client.query(
    `insert into plans (workspace_id, tier, version, name, unlimited, ${DIMENSIONS.join(", ")}, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      workspaceId,
      plan.tier,
      plan.version,
      plan.name,
      plan.unlimited,
      ...DIMENSIONS.map((dimension) => plan.limits[dimension]),
      by.name,
      by.at,
    ],
  );
}

/** What leads where: every price with its plan, by staff's mapping first, then by the price's own metadata. */
const PRICES = `select p.*, d.name as product_name, coalesce(m.tier, p.tier_hint) as tier, m.tier is not null as by_staff, u.live
  from prices p
  left join products d on d.workspace_id = p.workspace_id and d.stripe_product_id = p.stripe_product_id
  left join plan_prices m on m.workspace_id = p.workspace_id and m.stripe_price_id = p.stripe_price_id
  left join (select stripe_price_id, count(distinct subscription_id)::int as live from subscription_items
              where workspace_id = $1 and status in ('trialing', 'active', 'past_due') group by stripe_price_id) u
    on u.stripe_price_id = p.stripe_price_id
 where p.workspace_id = $1 and not p.deleted`;

export async function pricesWithPlans(tx: Tx, workspaceId: number): Promise<readonly Raw[]> {
  const found = await tx.client.query<Raw>(
    `${PRICES} order by (coalesce(m.tier, p.tier_hint) is null) desc, p.created_at desc, p.stripe_price_id limit 1000`,
    [workspaceId],
  );
  return found.rows;
}

export async function liveByTier(
  tx: Tx,
  workspaceId: number,
): Promise<ReadonlyMap<string, number>> {
  const found = await tx.client.query<{ tier: string; n: number }>(
    `select plan_tier as tier, count(*)::int as n from subscriptions
      where workspace_id = $1 and status in ('trialing', 'active', 'past_due') and plan_tier is not null group by 1`,
    [workspaceId],
  );
  return new Map(found.rows.map((row) => [row.tier, row.n]));
}

/** Subscriptions that have the price among their items, with what they need to be mapped anew. */
export async function subscriptionsOnPrice(
  tx: Tx,
  workspaceId: number,
  priceId: string,
): Promise<
  readonly {
    readonly id: string;
    readonly organizationId: string;
    readonly snapshot: string;
    readonly watermark: string;
    readonly tier: string | null;
  }[]
> {
  const found = await tx.client.query<{
    id: string;
    organizationId: string;
    snapshot: string;
    watermark: string;
    tier: string | null;
  }>(
    `select id, organization_id as "organizationId", snapshot, watermark, plan_tier as tier from subscriptions
      where workspace_id = $1 and snapshot::jsonb -> 'items' @> jsonb_build_array(jsonb_build_object('price', $2::text))
      order by stripe_subscription_id for no key update`,
    [workspaceId, priceId],
  );
  return found.rows;
}

export async function mapPrice(
  tx: Tx,
  row: {
    readonly workspaceId: number;
    readonly priceId: string;
    readonly tier: Tier | null;
    readonly by: string;
    readonly at: Date;
  },
): Promise<void> {
  if (row.tier === null) {
    await tx.client.query(
      "delete from plan_prices where workspace_id = $1 and stripe_price_id = $2",
      [row.workspaceId, row.priceId],
    );
    return;
  }
  await tx.client.query(
    `insert into plan_prices (workspace_id, stripe_price_id, tier, created_by, created_at) values ($1, $2, $3, $4, $5)
     on conflict (workspace_id, stripe_price_id) do update set tier = excluded.tier, created_by = excluded.created_by, created_at = excluded.created_at`,
    [row.workspaceId, row.priceId, row.tier, row.by, row.at],
  );
}

export async function setSubscriptionTiers(
  tx: Tx,
  rows: readonly { readonly id: string; readonly tier: Tier | null }[],
): Promise<void> {
  await tx.client.query(
    `update subscriptions s
        set plan_tier = u.tier, mapped_tier = coalesce(u.tier, s.mapped_tier),
            mapped_watermark = case when u.tier is null then s.mapped_watermark else s.watermark end
       from unnest($1::text[], $2::text[]) as u (id, tier) where s.id = u.id`,
    [rows.map((row) => row.id), rows.map((row) => row.tier)],
  );
}
