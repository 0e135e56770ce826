import { isJsonObject, toJson, type Json, type JsonObject } from "#sandbox/http/json.ts";

import type { World } from "./world.ts";

/**
 * The shapes of the older generation (2023-08-16): what later versions moved is put back where it was, what they added
 * is taken out. Source: the OpenAPI document of that version and Stripe's changelog.
 */
export function toLegacy(w: World, json: Json): Json {
  if (Array.isArray(json)) {
    return json.map((item) => toLegacy(w, item));
  }
  if (!isJsonObject(json)) {
    return json;
  }
  const inner: JsonObject = Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key, toLegacy(w, value)]),
  );
  const kind = json["object"];
  return typeof kind === "string" ? (RESHAPE.get(kind)?.(w, inner, json) ?? inner) : inner;
}

type Reshape = (w: World, inner: JsonObject, modern: JsonObject) => JsonObject;

const RESHAPE = new Map<string, Reshape>([
  ["subscription", subscription],
  [
    "subscription_item",
    (_w, item) =>
      without(item, ["current_period_end", "current_period_start", "current_trial", "discounts"]),
  ],
  ["invoice", invoice],
  ["line_item", line],
  ["invoiceitem", invoiceItem],
  ["discount", discount],
  ["promotion_code", promotionCode],
  ["charge", (w, charge) => ({ ...charge, invoice: invoiceOf(w, charge["payment_intent"]) })],
  [
    "payment_intent",
    (w, intent) => ({
      ...without(intent, [
        "allowed_payment_method_types",
        "customer_account",
        "excluded_payment_method_types",
        "managed_payments",
        "payment_record",
      ]),
      invoice: invoiceOf(w, intent["id"]),
    }),
  ],
  ["product", (_w, product) => ({ ...without(product, ["marketing_features"]), features: [] })],
  ["customer", (_w, customer) => without(customer, ["customer_account"])],
  [
    "refund",
    (_w, refund) =>
      without(refund, ["customer", "customer_account", "payment_method", "destination_details"]),
  ],
]);

const SUBSCRIPTION_NEWS = [
  "billing_mode",
  "billing_schedules",
  "customer_account",
  "managed_payments",
  "discounts",
  "billing_cycle_anchor_config",
  "invoice_settings",
];

function subscription(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  const period = periodOf(modern["items"]);
  const [first] = Array.isArray(modern["discounts"]) ? modern["discounts"] : [];
  const known = typeof first === "string" ? w.tables.discounts.get(first) : undefined;
  return {
    ...without(inner, SUBSCRIPTION_NEWS),
    current_period_end: period.end,
    current_period_start: period.start,
    discount: known === undefined ? null : toLegacy(w, toJson(known)),
  };
}

function periodOf(items: Json | undefined): { start: Json; end: Json } {
  const data = isJsonObject(items) && Array.isArray(items["data"]) ? items["data"] : [];
  const [first] = data;
  return isJsonObject(first)
    ? { start: first["current_period_start"] ?? null, end: first["current_period_end"] ?? null }
    : { start: null, end: null };
}

const INVOICE_NEWS = [
  "parent",
  "total_taxes",
  "total_pretax_credit_amounts",
  "customer_account",
  "amount_overpaid",
  "automatically_finalizes_at",
  "issuer",
  "rendering",
  "payments",
  "confirmation_secret",
];

function invoice(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  const payment = w.tables.invoicePayments.get(
    w.secrets.paymentOfInvoice.get(text(modern["id"])) ?? "",
  );
  const intentId = payment?.payment.payment_intent ?? null;
  const intent = w.tables.paymentIntents.get(intentId ?? "");
  const details = isJsonObject(modern["parent"]) ? modern["parent"]["subscription_details"] : null;
  const [first] = Array.isArray(modern["discounts"]) ? modern["discounts"] : [];
  const known = w.tables.discounts.get(text(first));
  const paid = modern["status"] === "paid";
  return {
    ...without(inner, INVOICE_NEWS),
    application_fee_amount: null,
    charge: intent?.latest_charge ?? null,
    discount: known === undefined ? null : toLegacy(w, toJson(known)),
    paid,
    paid_out_of_band: paid && intent !== undefined && intent.status !== "succeeded",
    payment_intent: intentId,
    quote: null,
    rendering_options: null,
    subscription: isJsonObject(details) ? (details["subscription"] ?? null) : null,
    subscription_details: {
      metadata: isJsonObject(details) ? (details["metadata"] ?? null) : null,
    },
    tax: null,
    total_tax_amounts: [],
    transfer_data: null,
  };
}

function line(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  const parent = isJsonObject(modern["parent"]) ? modern["parent"] : {};
  const bySubscription = isJsonObject(parent["subscription_item_details"])
    ? parent["subscription_item_details"]
    : undefined;
  const byItem = isJsonObject(parent["invoice_item_details"])
    ? parent["invoice_item_details"]
    : undefined;
  return {
    ...without(inner, [
      "invoice",
      "parent",
      "pricing",
      "taxes",
      "subtotal",
      "quantity_decimal",
      "pretax_credit_amounts",
    ]),
    amount_excluding_tax: modern["amount"] ?? null,
    ...(byItem === undefined ? {} : { invoice_item: byItem["invoice_item"] ?? null }),
    price: priceOf(w, modern["pricing"]),
    proration: byItem?.["proration"] ?? bySubscription?.["proration"] ?? false,
    proration_details: { credited_items: null },
    subscription: modern["subscription"] ?? null,
    ...(bySubscription === undefined
      ? {}
      : { subscription_item: bySubscription["subscription_item"] ?? null }),
    tax_amounts: [],
    tax_rates: [],
    type: bySubscription === undefined ? "invoiceitem" : "subscription",
    unit_amount_excluding_tax: null,
  };
}

function priceOf(w: World, pricing: Json | undefined): Json {
  const details = isJsonObject(pricing) ? pricing["price_details"] : undefined;
  const price = isJsonObject(details) ? w.tables.prices.get(text(details["price"])) : undefined;
  return price === undefined ? null : toJson(price);
}

function invoiceItem(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  const details = isJsonObject(modern["parent"]) ? modern["parent"]["subscription_details"] : null;
  const price = priceOf(w, modern["pricing"]);
  return {
    ...without(inner, [
      "parent",
      "pricing",
      "customer_account",
      "quantity_decimal",
      "net_amount",
      "proration_details",
    ]),
    price,
    subscription: isJsonObject(details) ? (details["subscription"] ?? null) : null,
    unit_amount: isJsonObject(price) ? (price["unit_amount"] ?? null) : (modern["amount"] ?? null),
    unit_amount_decimal: isJsonObject(modern["pricing"])
      ? (modern["pricing"]["unit_amount_decimal"] ?? null)
      : null,
  };
}

function discount(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  return {
    ...without(inner, ["source", "customer_account", "subscription_item"]),
    coupon: couponOf(w, modern["source"]),
  };
}

function promotionCode(w: World, inner: JsonObject, modern: JsonObject): JsonObject {
  return {
    ...without(inner, ["promotion", "customer_account"]),
    coupon: couponOf(w, modern["promotion"]),
  };
}

function couponOf(w: World, holder: Json | undefined): Json {
  const coupon = isJsonObject(holder) ? w.tables.coupons.get(text(holder["coupon"])) : undefined;
  return coupon === undefined ? null : toJson(coupon);
}

function invoiceOf(w: World, intent: Json | undefined): string | null {
  return w.secrets.invoiceOfIntent.get(text(intent)) ?? null;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function without(json: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

/** Former values in the older shape: the period that moved on the items is told at the top, as it was then. */
export function toLegacyPrevious(w: World, previous: JsonObject, object: JsonObject): JsonObject {
  const inner = toLegacy(w, previous);
  const out = isJsonObject(inner) ? inner : {};
  switch (object["object"]) {
    case "subscription":
      return {
        ...without(out, SUBSCRIPTION_NEWS),
        ...formerPeriod(previous["items"], object["items"]),
        ...formerDiscount(w, previous),
      };
    case "invoice":
      return {
        ...without(out, INVOICE_NEWS),
        ...(previous["status"] !== undefined && object["status"] === "paid" ? { paid: false } : {}),
      };
    default:
      return out;
  }
}

function formerPeriod(before: Json | undefined, after: Json | undefined): JsonObject {
  const was = periodOf(before);
  const is = periodOf(after);
  return {
    ...(was.end !== null && was.end !== is.end ? { current_period_end: was.end } : {}),
    ...(was.start !== null && was.start !== is.start ? { current_period_start: was.start } : {}),
  };
}

function formerDiscount(w: World, previous: JsonObject): JsonObject {
  const ids = previous["discounts"];
  if (!Array.isArray(ids)) {
    return {};
  }
  const known = w.tables.discounts.get(text(ids[0]));
  return { discount: known === undefined ? null : toLegacy(w, toJson(known)) };
}
