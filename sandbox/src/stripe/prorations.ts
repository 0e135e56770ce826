import { makeInvoiceItem } from "./invoice-items.ts";
import { prorationText } from "./invoice-lines.ts";
import type { Subscription, SubscriptionItem } from "./shapes.ts";
import { itemAmount } from "./subscription-items.ts";
import type { World } from "./world.ts";

/**
 * Credits the unused time of what was and charges the remaining time of what is, to the second, as pending items.
 * `charge` is off where a new period begins at once and is billed in full.
 */
export function prorate(
  w: World,
  subscription: Subscription,
  change: {
    readonly before: readonly SubscriptionItem[];
    readonly after: readonly SubscriptionItem[];
    readonly at: number;
    readonly charge: boolean;
  },
): number {
  let made = 0;
  const current = new Map(change.after.map((item) => [item.id, item]));
  for (const old of change.before) {
    const now = current.get(old.id);
    const unchanged =
      now !== undefined && now.price.id === old.price.id && now.quantity === old.quantity;
    if (!unchanged || !change.charge) {
      add(w, subscription, old, { at: change.at, sign: -1 });
      made += 1;
    }
  }
  const former = new Map(change.before.map((item) => [item.id, item]));
  for (const item of change.charge ? change.after : []) {
    const old = former.get(item.id);
    if (old === undefined || old.price.id !== item.price.id || old.quantity !== item.quantity) {
      add(w, subscription, item, { at: change.at, sign: 1 });
      made += 1;
    }
  }
  return made;
}

function add(
  w: World,
  subscription: Subscription,
  item: SubscriptionItem,
  how: { at: number; sign: 1 | -1 },
): void {
  const { current_period_start: start, current_period_end: end } = item;
  const share = end <= start ? 0 : Math.max(0, (end - how.at) / (end - start));
  makeInvoiceItem(w, {
    customer: subscription.customer,
    amount: how.sign * Math.round(itemAmount(item) * share),
    currency: item.price.currency,
    description: prorationText(w, item, how.sign < 0 ? "Unused" : "Remaining", how.at),
    period: { start: how.at, end },
    price: item.price.id,
    quantity: item.quantity ?? 1,
    unitAmount: item.price.unit_amount_decimal ?? "0",
    subscription: subscription.id,
    proration: true,
    metadata: {},
    invoice: null,
    discountable: false,
  });
}
