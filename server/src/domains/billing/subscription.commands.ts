import { type Batch, type Placed, organizationOf } from "./batch.ts";
import { writeRows } from "./columns.ts";
import type { Folded } from "./fold.core.ts";
import { type Entry, foldInto, keyOf, loadEntries, outcomeOf, refsOf } from "./ledger.store.ts";
import type { Stamp, SubscriptionSnapshot, Tier } from "./model.ts";
import { type SubscriptionExtra, dirtyOf, freshId, writeSubscriptions } from "./record.store.ts";
import { NO_HISTORY, observe, subscriptionLaw } from "./subscription.core.ts";
import { parseTier, tierOfItems } from "./tier.core.ts";
import { mappedPrices } from "./tier.store.ts";

type SubscriptionEntry = Entry<SubscriptionSnapshot, SubscriptionExtra>;

const TABLE = {
  name: "subscriptions",
  key: "stripe_subscription_id",
  columns: [
    "id",
    "organization_id",
    "plan_tier",
    "mapped_tier",
    "mapped_watermark",
    "settled_watermark",
    "past_due_points",
  ],
} as const;

function extraOf(rest: readonly unknown[]): SubscriptionExtra {
  const [id, organizationId, tier, mappedTier, mappedWatermark, settled, points] = rest;
  return {
    id: String(id),
    organizationId: String(organizationId),
    tier: parseTier(tier),
    mappedTier: parseTier(mappedTier),
    mappedWatermark: String(mappedWatermark),
    history: { settledWatermark: String(settled), points: String(points) },
  };
}

/** Folds subscriptions into their rows, and notes the organizations whose tier that may move. */
export async function applySubscriptions(
  batch: Batch,
  placed: readonly Placed<SubscriptionSnapshot>[],
): Promise<void> {
  if (placed.length === 0) {
    return;
  }
  const { ctx } = batch;
  const refs = refsOf(placed.map(({ change }) => change));
  const entries = await loadEntries<SubscriptionSnapshot, SubscriptionExtra>(
    ctx.tx,
    TABLE,
    refs,
    extraOf,
  );
  const mapped = await mappedPrices(ctx.tx, pricesIn(placed));
  for (const { index, change } of placed) {
    const { stamp, snapshot } = change;
    const organizationId = organizationOf(batch, stamp.workspaceId, snapshot.customer);
    const { entry, folded } = foldInto(entries, subscriptionLaw, change, () => ({
      id: freshId("sbn", ctx.now),
      organizationId,
      tier: null,
      mappedTier: null,
      mappedWatermark: "",
      history: NO_HISTORY,
    }));
    const tier = tierOfItems(
      snapshot.items,
      (price) => mapped.get(keyOf(stamp.workspaceId, price)) ?? null,
    );
    if (takeIn(entry, folded, { snapshot, stamp, tier })) {
      batch.tiers.set(entry.extra.organizationId, stamp.eventId);
    }
    batch.outcomes[index] = outcomeOf(folded, entry.isNew, entry.extra.organizationId);
    entry.isNew = false;
  }
  await writeRows(ctx.tx, writeSubscriptions, dirtyOf(entries));
}

function pricesIn(placed: readonly Placed<SubscriptionSnapshot>[]): {
  workspaces: number[];
  ids: string[];
} {
  const seen = new Map<string, { workspaceId: number; price: string }>();
  for (const { change } of placed) {
    const { workspaceId } = change.stamp;
    for (const { price } of change.snapshot.items) {
      seen.set(keyOf(workspaceId, price), { workspaceId, price });
    }
  }
  const refs = [...seen.values()];
  return { workspaces: refs.map((ref) => ref.workspaceId), ids: refs.map((ref) => ref.price) };
}

/**
 * What a snapshot tells beside becoming the row: it may be a point of the past-due history or the
 * newest with a mapped price, even when it comes too late to be the row. Says whether the
 * organization's tier may have moved.
 */
function takeIn(
  entry: SubscriptionEntry,
  folded: Folded<SubscriptionSnapshot>,
  told: {
    readonly snapshot: SubscriptionSnapshot;
    readonly stamp: Stamp;
    readonly tier: Tier | null;
  },
): boolean {
  const { extra } = entry;
  let moved = false;
  const history = observe(
    extra.history,
    told.snapshot,
    folded.watermark,
    told.stamp.fetchedAtSeconds,
  );
  if (history !== extra.history) {
    extra.history = history;
    entry.dirty = true;
  }
  if (told.tier !== null && folded.watermark > extra.mappedWatermark) {
    moved ||= told.tier !== extra.mappedTier;
    extra.mappedTier = told.tier;
    extra.mappedWatermark = folded.watermark;
    entry.dirty = true;
  }
  if (folded.verdict === "newer") {
    moved ||= entry.isNew || folded.changed["status"] !== undefined || told.tier !== extra.tier;
    extra.tier = told.tier;
  }
  return moved;
}
