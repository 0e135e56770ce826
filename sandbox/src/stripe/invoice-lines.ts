import { dayText } from "./periods.ts";
import type { InvoiceItem, InvoiceLine, Price, SubscriptionItem } from "./shapes.ts";
import { newId, type World } from "./world.ts";

export interface Period {
  readonly start: number;
  readonly end: number;
}

interface LineWish {
  readonly amount: number;
  readonly currency: string;
  readonly description: string | null;
  readonly period: Period;
  readonly price: Price | undefined;
  readonly quantity: number;
  readonly subscription: string | null;
  readonly parent: InvoiceLine["parent"];
  readonly metadata: Record<string, string>;
  readonly discountable: boolean;
}

function line(w: World, wish: LineWish): InvoiceLine {
  const { price } = wish;
  return {
    id: newId(w, "il"),
    object: "line_item",
    amount: wish.amount,
    currency: wish.currency,
    description: wish.description,
    discount_amounts: [],
    discountable: wish.discountable,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: wish.metadata,
    parent: wish.parent,
    period: { end: wish.period.end, start: wish.period.start },
    pretax_credit_amounts: [],
    pricing: {
      ...(price === undefined
        ? {}
        : { price_details: { price: price.id, product: price.product } }),
      type: "price_details",
      unit_amount_decimal: price?.unit_amount_decimal ?? String(wish.amount),
    },
    quantity: wish.quantity,
    quantity_decimal: String(wish.quantity),
    subscription: wish.subscription,
    subtotal: wish.amount,
    taxes: [],
  };
}

/** A line for a subscription item's period; `amount` differs from price times quantity in trials and part periods. */
export function subscriptionLine(
  w: World,
  item: SubscriptionItem,
  what: { readonly period: Period; readonly amount: number; readonly trial: boolean },
): InvoiceLine {
  const quantity = item.quantity ?? 1;
  const name = w.tables.products.get(item.price.product)?.name ?? "Subscription";
  const per = `$${((item.price.unit_amount ?? 0) / 100).toFixed(2)} / ${item.price.recurring?.interval ?? "month"}`;
  return line(w, {
    amount: what.amount,
    currency: item.price.currency,
    description: what.trial ? `Trial period for ${name}` : `${quantity} × ${name} (at ${per})`,
    period: what.period,
    price: item.price,
    quantity,
    subscription: item.subscription,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: item.subscription,
        subscription_item: item.id,
      },
      type: "subscription_item_details",
    },
    metadata: {},
    discountable: true,
  });
}

/** A line for an invoice item, prorations included. */
export function itemLine(w: World, item: InvoiceItem): InvoiceLine {
  const priceId = item.pricing?.price_details?.price;
  return line(w, {
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    period: item.period,
    price: priceId === undefined ? undefined : w.tables.prices.get(priceId),
    quantity: item.quantity,
    subscription: item.parent?.subscription_details?.subscription ?? null,
    parent: {
      invoice_item_details: {
        invoice_item: item.id,
        proration: item.proration,
        proration_details: item.proration ? { credited_items: null } : null,
        subscription: item.parent?.subscription_details?.subscription ?? null,
      },
      subscription_item_details: null,
      type: "invoice_item_details",
    },
    metadata: item.metadata ?? {},
    discountable: item.discountable,
  });
}

/** Stripe's words for a proration. */
export function prorationText(
  w: World,
  item: SubscriptionItem,
  what: "Remaining" | "Unused",
  at: number,
): string {
  const name = w.tables.products.get(item.price.product)?.name ?? "Subscription";
  const quantity = item.quantity ?? 1;
  const times = quantity === 1 ? name : `${quantity} × ${name}`;
  return `${what} time on ${times} after ${dayText(at)}`;
}
