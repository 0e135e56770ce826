import { type SubscriptionItem, type SubscriptionStatus, TIERS, type Tier } from "./model.ts";
import { isLive } from "./subscription.core.ts";

function tierRank(tier: Tier): number {
  return TIERS.indexOf(tier);
}

function higherTier(left: Tier | null, right: Tier | null): Tier | null {
  if (left === null || right === null) {
    return left ?? right;
  }
  return tierRank(left) >= tierRank(right) ? left : right;
}

export function parseTier(value: unknown): Tier | null {
  return TIERS.find((tier) => tier === value) ?? null;
}

/** The tier that the items buy: what staff mapped the price to, else what the price says of itself, the highest of all items; null where no price leads anywhere. */
export function tierOfItems(
  items: readonly Pick<SubscriptionItem, "price" | "tierHint">[],
  mapped: (price: string) => Tier | null,
): Tier | null {
  let tier: Tier | null = null;
  for (const item of items) {
    tier = higherTier(tier, mapped(item.price) ?? item.tierHint);
  }
  return tier;
}

/** What one subscription contributes to its organization's tier. */
export interface TierVote {
  readonly status: SubscriptionStatus;
  /** Of the present prices; null where none is mapped. */
  readonly tier: Tier | null;
  /** Of the newest snapshot whose price was mapped, ended subscriptions included. */
  readonly mappedTier: Tier | null;
}

/**
 * An organization's tier: the highest of its live subscriptions, free without any.
 *
 * A live subscription whose price is mapped to nothing must not lower anybody, so it counts with
 * the last tier that it is known to have had; one that never had any counts with the best that the
 * organization ever had. All of it is read from the rows, never from the tier as it stands, or the
 * order of arrival would show.
 */
export function tierOfOrganization(votes: readonly TierVote[]): Tier {
  let tier: Tier = "free";
  let unknown = false;
  for (const vote of votes) {
    if (isLive(vote.status)) {
      const known = vote.tier ?? vote.mappedTier;
      tier = higherTier(tier, known) ?? tier;
      unknown ||= known === null;
    }
  }
  if (!unknown) {
    return tier;
  }
  return votes.reduce<Tier>((best, vote) => higherTier(best, vote.mappedTier) ?? best, tier);
}
