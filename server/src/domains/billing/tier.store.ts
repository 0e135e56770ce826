import { int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Tx } from "#platform/db/tx.ts";

import type { SubscriptionStatus, Tier } from "./model.ts";
import { type TierVote, parseTier } from "./tier.core.ts";

/** What staff mapped these prices to, by `"<workspace> <price>"`. */
export async function mappedPrices(
  tx: Tx,
  refs: { readonly workspaces: readonly number[]; readonly ids: readonly string[] },
): Promise<ReadonlyMap<string, Tier>> {
  const mapped = new Map<string, Tier>();
  if (refs.ids.length === 0) {
    return mapped;
  }
  const result = await tx.client.query<{ workspace_id: number; id: string; tier: string }>({
    name: "mapped_prices",
    text: `select p.workspace_id, p.stripe_price_id as id, p.tier
             from unnest($1::int4[], $2::text[]) as k (w, id)
             cross join lateral (select * from plan_prices where workspace_id = k.w and stripe_price_id = k.id limit 1) p`,
    values: [int4Array(refs.workspaces), textArray(refs.ids)],
  });
  for (const row of result.rows) {
    const tier = parseTier(row.tier);
    if (tier !== null) {
      mapped.set(`${row.workspace_id} ${row.id}`, tier);
    }
  }
  return mapped;
}

/** Every subscription of these organizations, as far as tiers are concerned. */
export async function votesOf(
  tx: Tx,
  organizationIds: readonly string[],
): Promise<ReadonlyMap<string, readonly TierVote[]>> {
  const result = await tx.client.query<{
    organization_id: string;
    status: SubscriptionStatus;
    plan_tier: string | null;
    mapped_tier: string | null;
  }>({
    name: "tier_votes",
    text: `select organization_id, status, plan_tier, mapped_tier from subscriptions where organization_id = any ($1::text[])`,
    values: [textArray(organizationIds)],
  });
  const votes = new Map<string, TierVote[]>();
  for (const row of result.rows) {
    const list = votes.get(row.organization_id) ?? [];
    list.push({
      status: row.status,
      tier: parseTier(row.plan_tier),
      mappedTier: parseTier(row.mapped_tier),
    });
    votes.set(row.organization_id, list);
  }
  return votes;
}
