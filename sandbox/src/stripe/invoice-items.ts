import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import {
  bool,
  decimal,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit } from "./events.ts";
import type { InvoiceItem } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

export interface ItemWish {
  readonly customer: string;
  readonly amount: number;
  readonly currency: string;
  readonly description: string | null;
  readonly period: { readonly start: number; readonly end: number };
  readonly price: string | null;
  readonly quantity: number;
  readonly unitAmount: string;
  readonly subscription: string | null;
  readonly proration: boolean;
  readonly metadata: Record<string, string>;
  readonly invoice: string | null;
  readonly discountable: boolean;
}

/** A pending item, billed with the next invoice; announces invoiceitem.created. */
export function makeInvoiceItem(w: World, wish: ItemWish): InvoiceItem {
  const customer = w.tables.customers.get(wish.customer);
  const clockId = customer?.test_clock ?? null;
  const product = wish.price === null ? undefined : w.tables.prices.get(wish.price)?.product;
  const item: InvoiceItem = {
    id: newId(w, "ii"),
    object: "invoiceitem",
    amount: wish.amount,
    currency: wish.currency,
    customer: wish.customer,
    customer_account: null,
    date: nowOf(w, clockId),
    description: wish.description,
    discountable: wish.discountable,
    discounts: [],
    invoice: wish.invoice,
    livemode: false,
    metadata: wish.metadata,
    net_amount: wish.amount,
    parent:
      wish.subscription === null
        ? null
        : {
            subscription_details: { subscription: wish.subscription },
            type: "subscription_details",
          },
    period: { ...wish.period },
    pricing: {
      ...(wish.price === null || product === undefined
        ? {}
        : { price_details: { price: wish.price, product } }),
      type: "price_details",
      unit_amount_decimal: wish.unitAmount,
    },
    proration: wish.proration,
    quantity: wish.quantity,
    quantity_decimal: String(wish.quantity),
    tax_rates: [],
    test_clock: clockId,
  };
  w.tables.invoiceItems.set(item.id, item);
  emit(w, "invoiceitem.created", item, clockId);
  return item;
}

/** The items that wait for a customer's next invoice; for a subscription also those that belong to none. */
export function pendingItems(
  w: World,
  customer: string,
  subscription: string | null,
): readonly InvoiceItem[] {
  return [...w.tables.invoiceItems.values()].filter((item) => {
    const owner = item.parent?.subscription_details?.subscription ?? null;
    return (
      item.customer === customer &&
      item.invoice === null &&
      (owner === null || owner === subscription)
    );
  });
}

/** Makes an invoice item of a request; where it goes is for the caller. */
export function createInvoiceItem(w: World, input: Input): InvoiceItem {
  const customer = need(w.tables.customers, "customer", needText(input, "customer"), "customer");
  const pricing = nested(input, "pricing");
  const priceId =
    (pricing === undefined ? undefined : text(pricing, "price")) ?? text(input, "price");
  const price =
    priceId === undefined ? undefined : need(w.tables.prices, "price", priceId, "price");
  const quantity = int(input, "quantity") ?? 1;
  const unit =
    decimal(input, "unit_amount_decimal") ??
    int(input, "unit_amount") ??
    price?.unit_amount ??
    undefined;
  const amount =
    int(input, "amount") ?? (unit === undefined ? undefined : Math.round(unit * quantity));
  const currency = text(input, "currency") ?? price?.currency ?? "usd";
  if (amount === undefined) {
    throw invalid(
      "You must pass one of amount, pricing or price_data.",
      "amount",
      "parameter_missing",
    );
  }
  const now = nowOf(w, customer.test_clock);
  const period = nested(input, "period");
  return makeInvoiceItem(w, {
    customer: customer.id,
    amount,
    currency: currency.toLowerCase(),
    description: nullable(input, "description") ?? null,
    period: {
      start: (period === undefined ? undefined : int(period, "start")) ?? now,
      end: (period === undefined ? undefined : int(period, "end")) ?? now,
    },
    price: price?.id ?? null,
    quantity,
    unitAmount: String(unit ?? amount),
    subscription: text(input, "subscription") ?? null,
    proration: false,
    metadata: metadata(input),
    invoice: null,
    discountable: bool(input, "discountable") ?? amount > 0,
  });
}

function update(call: Call): InvoiceItem {
  const before = need(call.w.tables.invoiceItems, "invoiceitem", idOf(call));
  const amount = int(call.input, "amount") ?? before.amount;
  return amend(call.w.tables.invoiceItems, before, {
    amount,
    net_amount: amount,
    description: nullable(call.input, "description") ?? before.description,
    metadata: metadata(call.input, before.metadata ?? {}),
  });
}

function remove(call: Call): object {
  const item = need(call.w.tables.invoiceItems, "invoiceitem", idOf(call));
  const invoice = item.invoice === null ? undefined : call.w.tables.invoices.get(item.invoice);
  if (invoice !== undefined && invoice.status !== "draft") {
    throw invalid("This invoice item cannot be deleted because its invoice is no longer a draft.");
  }
  call.w.tables.invoiceItems.delete(item.id);
  emit(call.w, "invoiceitem.deleted", item, item.test_clock);
  return { id: item.id, object: "invoiceitem", deleted: true };
}

/** All but the creation, which may have to update a draft invoice. */
export const invoiceItemRoutes: readonly Route[] = [
  route("GET", "/v1/invoiceitems", "invoiceItemList", (call) =>
    page(
      call,
      call.w.tables.invoiceItems.values(),
      (item) =>
        matches(call, "customer", item.customer) &&
        matches(call, "invoice", item.invoice) &&
        matches(call, "pending", item.invoice === null),
    ),
  ),
  route("GET", "/v1/invoiceitems/*", [], (call) =>
    need(call.w.tables.invoiceItems, "invoiceitem", idOf(call)),
  ),
  route("POST", "/v1/invoiceitems/*", "invoiceItemUpdate", update),
  route("DELETE", "/v1/invoiceitems/*", [], remove),
];
