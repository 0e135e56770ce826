import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  decimal,
  has,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  texts,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit, emitChange } from "./events.ts";
import { createProduct } from "./products.ts";
import type { Plan, Price } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const TAX_BEHAVIOURS = ["exclusive", "inclusive", "unspecified"] as const;
const INTERVALS = ["day", "week", "month", "year"] as const;

/** Makes a price for `product` (or inline `product_data`); announces price.created, and plan.created if recurring. */
export function createPrice(w: World, input: Input): Price {
  const inline = nested(input, "product_data");
  const product = inline === undefined ? needText(input, "product") : createProduct(w, inline).id;
  need(w.tables.products, "product", product, "product");
  const amount = int(input, "unit_amount");
  const exact = decimal(input, "unit_amount_decimal");
  if (
    amount === undefined &&
    exact === undefined &&
    !has(input, "custom_unit_amount") &&
    !has(input, "tiers")
  ) {
    throw required("unit_amount");
  }
  const recurring = recurringOf(input);
  const price: Price = {
    id: newId(w, "price"),
    object: "price",
    active: bool(input, "active") ?? true,
    billing_scheme: "per_unit",
    created: nowOf(w, null),
    currency: needText(input, "currency").toLowerCase(),
    custom_unit_amount: null,
    livemode: false,
    lookup_key: takeLookupKey(w, input, undefined),
    metadata: metadata(input),
    nickname: nullable(input, "nickname") ?? null,
    product,
    recurring,
    tax_behavior: choice(input, "tax_behavior", TAX_BEHAVIOURS) ?? "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: recurring === null ? "one_time" : "recurring",
    unit_amount: amount ?? (exact !== undefined && Number.isInteger(exact) ? exact : null),
    unit_amount_decimal: String(amount ?? exact ?? 0),
  };
  w.tables.prices.set(price.id, price);
  if (recurring !== null) {
    emit(w, "plan.created", planOf(price));
  }
  emit(w, "price.created", price);
  return price;
}

function recurringOf(input: Input): Price["recurring"] {
  const recurring = nested(input, "recurring");
  if (recurring === undefined) {
    return null;
  }
  const interval = choice(recurring, "interval", INTERVALS);
  if (interval === undefined) {
    throw required("recurring[interval]");
  }
  return {
    interval,
    interval_count: int(recurring, "interval_count") ?? 1,
    meter: text(recurring, "meter") ?? null,
    trial_period_days: int(recurring, "trial_period_days") ?? null,
    usage_type: choice(recurring, "usage_type", ["licensed", "metered"]) ?? "licensed",
  };
}

function takeLookupKey(w: World, input: Input, before: Price | undefined): string | null {
  const key = nullable(input, "lookup_key");
  if (key === undefined || key === null) {
    return key === null ? null : (before?.lookup_key ?? null);
  }
  const holder = [...w.tables.prices.values()].find(
    (price) => price.lookup_key === key && price.id !== before?.id,
  );
  if (holder !== undefined) {
    if (bool(input, "transfer_lookup_key") !== true) {
      throw invalid(
        `A price (\`${holder.id}\`) already uses that lookup key. Pass \`transfer_lookup_key=true\` to transfer it.`,
        "lookup_key",
      );
    }
    amend(w.tables.prices, holder, { lookup_key: null });
  }
  return key;
}

/** The plan that Stripe shows beside a recurring price on subscription items. */
export function planOf(price: Price): Plan {
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? "month",
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: price.recurring?.meter ?? null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: price.recurring?.trial_period_days ?? null,
    usage_type: price.recurring?.usage_type ?? "licensed",
  };
}

function update(call: Call): Price {
  const { w, input } = call;
  const before = need(w.tables.prices, "price", idOf(call));
  const after = amend(w.tables.prices, before, {
    active: bool(input, "active") ?? before.active,
    lookup_key: takeLookupKey(w, input, before),
    metadata: metadata(input, before.metadata),
    nickname: has(input, "nickname") ? (nullable(input, "nickname") ?? null) : before.nickname,
    tax_behavior: choice(input, "tax_behavior", TAX_BEHAVIOURS) ?? before.tax_behavior,
  });
  if (after.recurring !== null) {
    emitChange(w, "plan.updated", { before: planOf(before), after: planOf(after) });
  }
  emitChange(w, "price.updated", { before, after });
  return after;
}

function list(call: Call): object {
  const { input } = call;
  const keys = texts(input, "lookup_keys");
  const interval = nested(input, "recurring");
  const wanted = interval === undefined ? undefined : text(interval, "interval");
  return page(
    call,
    call.w.tables.prices.values(),
    (price) =>
      matches(call, "active", price.active) &&
      matches(call, "product", price.product) &&
      matches(call, "currency", price.currency) &&
      matches(call, "type", price.type) &&
      (wanted === undefined || price.recurring?.interval === wanted) &&
      (keys === undefined || (price.lookup_key !== null && keys.includes(price.lookup_key))),
  );
}

function createPlan(call: Call): Plan {
  const { w, input } = call;
  const recurring = new Map([
    ["interval", needText(input, "interval")],
    ["interval_count", text(input, "interval_count") ?? "1"],
  ]);
  const hash = new Map(input.hash);
  const inline = hash.get("product");
  hash.set("recurring", recurring);
  hash.set("unit_amount", text(input, "amount") ?? "0");
  if (inline instanceof Map) {
    hash.delete("product");
    hash.set("product_data", inline);
  }
  return planOf(createPrice(w, { hash, path: "" }));
}

function removePlan(call: Call): object {
  const price = need(call.w.tables.prices, "plan", idOf(call));
  call.w.tables.prices.delete(price.id);
  emit(call.w, "plan.deleted", planOf(price));
  emit(call.w, "price.deleted", price);
  return { id: price.id, object: "plan", deleted: true };
}

export const priceRoutes: readonly Route[] = [
  route("POST", "/v1/prices", "priceCreate", (call) => createPrice(call.w, call.input)),
  route("GET", "/v1/prices", "priceList", list),
  route("GET", "/v1/prices/*", [], (call) => need(call.w.tables.prices, "price", idOf(call))),
  route("POST", "/v1/prices/*", "priceUpdate", update),
  route("POST", "/v1/plans", "planCreate", createPlan),
  route("GET", "/v1/plans", "planList", (call) => {
    const plans = [...call.w.tables.prices.values()]
      .filter((price) => price.recurring !== null)
      .map(planOf);
    return page(
      call,
      plans,
      (plan) => matches(call, "product", plan.product) && matches(call, "active", plan.active),
    );
  }),
  route("GET", "/v1/plans/*", [], (call) => planOf(need(call.w.tables.prices, "plan", idOf(call)))),
  route("POST", "/v1/plans/*", "planUpdate", (call) => planOf(update(call))),
  route("DELETE", "/v1/plans/*", [], removePlan),
];
