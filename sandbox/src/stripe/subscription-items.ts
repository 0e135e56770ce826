import { need } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import { bool, hashes, int, metadata, nested, text, type Input } from "#sandbox/http/input.ts";

import { createPrice, planOf } from "./prices.ts";
import type { Price, SubscriptionItem } from "./shapes.ts";
import { newId, nowOf, type World } from "./world.ts";

/** What a request wants to become of one item. */
export interface ItemChange {
  /** An existing item, or undefined for a new one. */
  readonly id: string | undefined;
  readonly price: Price | undefined;
  readonly quantity: number | undefined;
  readonly deleted: boolean;
  readonly metadata: Record<string, string> | undefined;
}

/** Reads `items[]`; undefined when the request does not speak of items. */
export function itemChanges(w: World, input: Input): readonly ItemChange[] | undefined {
  const plan = text(input, "plan");
  if (plan !== undefined && !input.hash.has("items")) {
    return [
      {
        id: undefined,
        price: priceOf(w, plan),
        quantity: int(input, "quantity"),
        deleted: false,
        metadata: undefined,
      },
    ];
  }
  return hashes(input, "items")?.map((item) => {
    const inline = nested(item, "price_data");
    const named = text(item, "price") ?? text(item, "plan");
    return {
      id: text(item, "id"),
      price:
        inline === undefined
          ? named === undefined
            ? undefined
            : priceOf(w, named)
          : createPrice(w, inline),
      quantity: int(item, "quantity"),
      deleted: bool(item, "deleted") ?? false,
      metadata: item.hash.has("metadata") ? metadata(item) : undefined,
    };
  });
}

function priceOf(w: World, id: string): Price {
  const price = need(w.tables.prices, "price", id, "items[0][price]");
  if (!price.active) {
    throw invalid(
      "The price specified is inactive. This field only accepts active prices.",
      "items[0][price]",
    );
  }
  if (price.recurring === null) {
    throw invalid(
      "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
      "items[0][price]",
    );
  }
  return price;
}

/** A new item; periods are set by the caller. */
export function makeItem(
  w: World,
  change: ItemChange,
  of: {
    readonly subscription: string;
    readonly clockId: string | null;
    readonly start: number;
    readonly end: number;
  },
): SubscriptionItem {
  const { price } = change;
  if (price === undefined) {
    throw required("items[0][price]");
  }
  return {
    id: newId(w, "si"),
    object: "subscription_item",
    billing_thresholds: null,
    created: nowOf(w, of.clockId),
    current_period_end: of.end,
    current_period_start: of.start,
    current_trial: null,
    discounts: [],
    metadata: change.metadata ?? {},
    plan: planOf(price),
    price,
    quantity: change.quantity ?? 1,
    subscription: of.subscription,
    tax_rates: [],
  };
}

/** Applies changes to items; also tells which old item became which new one, for prorations. */
export function applyChanges(
  w: World,
  before: readonly SubscriptionItem[],
  changes: readonly ItemChange[],
  of: {
    readonly subscription: string;
    readonly clockId: string | null;
    readonly start: number;
    readonly end: number;
  },
): readonly SubscriptionItem[] {
  const after = new Map(before.map((item) => [item.id, item]));
  for (const change of changes) {
    // Without an id Stripe takes an item of the same price as meant, and adds one otherwise.
    const target =
      change.id === undefined
        ? before.find((item) => item.price.id === change.price?.id)
        : after.get(change.id);
    if (change.id !== undefined && target === undefined) {
      throw invalid(
        `No such subscription item: '${change.id}'`,
        "items[0][id]",
        "resource_missing",
      );
    }
    if (target === undefined) {
      const made = makeItem(w, change, of);
      after.set(made.id, made);
    } else if (change.deleted) {
      after.delete(target.id);
    } else {
      const price = change.price ?? target.price;
      after.set(target.id, {
        ...target,
        metadata: change.metadata ?? target.metadata,
        plan: planOf(price),
        price,
        quantity: change.quantity ?? target.quantity ?? 1,
      });
    }
  }
  if (after.size === 0) {
    throw invalid("A subscription must have at least one active item.", "items");
  }
  return [...after.values()];
}

/** Full price of an item for one period, minor units. */
export function itemAmount(item: SubscriptionItem): number {
  return Math.round(
    Number(item.price.unit_amount_decimal ?? item.price.unit_amount ?? 0) * (item.quantity ?? 1),
  );
}
