import {
  SUBSCRIPTION_STATUSES,
  type SubscriptionItem,
  type SubscriptionSnapshot,
} from "#domains/billing/model.ts";
import { parseTier } from "#domains/billing/tier.core.ts";

import {
  type Json,
  ShapeError,
  bool,
  int,
  intOrNull,
  isJson,
  list,
  looseInt,
  looseRef,
  looseStr,
  maybeObj,
  obj,
  ref,
  str,
} from "./shape.ts";
import type { Generation } from "./version.ts";

const STATUSES: ReadonlySet<string> = new Set(SUBSCRIPTION_STATUSES);

function statusOf(object: Json): SubscriptionSnapshot["status"] {
  const value = str(object, "status");
  const status = STATUSES.has(value)
    ? SUBSCRIPTION_STATUSES.find((each) => each === value)
    : undefined;
  if (status === undefined) {
    throw new ShapeError(`status ${value.slice(0, 40)}`, value);
  }
  return status;
}

/** Stripe's subscription, of either generation. @throws ShapeError */
export function subscriptionFrom(
  object: Json,
  generation: Generation,
  deleted: boolean,
): SubscriptionSnapshot {
  const rows = list(object, "items");
  const items = rows.map(itemFrom);
  const pause = maybeObj(object, "pause_collection");
  const status = statusOf(object);
  const ended = status === "canceled" || status === "incomplete_expired";
  return {
    kind: "subscription",
    id: str(object, "id"),
    customer: ref(object, "customer"),
    // Old versions send `deleted` with the status it had before.
    status: deleted && !ended ? "canceled" : status,
    currency: looseStr(object, "currency") ?? items[0]?.currency ?? missing("currency"),
    created: int(object, "created"),
    ...periodFrom(object, rows, generation),
    cancelAtPeriodEnd: bool(object, "cancel_at_period_end"),
    cancelAt: intOrNull(object, "cancel_at"),
    canceledAt: intOrNull(object, "canceled_at"),
    endedAt: intOrNull(object, "ended_at"),
    trialStart: intOrNull(object, "trial_start"),
    trialEnd: intOrNull(object, "trial_end"),
    collectionMethod: str(object, "collection_method"),
    pauseBehavior: pause === null ? null : str(pause, "behavior"),
    pauseResumesAt: pause === null ? null : looseInt(pause, "resumes_at"),
    latestInvoice: looseRef(object, "latest_invoice"),
    discounts: discountsFrom(object),
    items,
  };
}

function missing(path: string): never {
  throw new ShapeError(path, undefined);
}

function periodFrom(
  object: Json,
  rows: readonly Json[],
  generation: Generation,
): { periodStart: number; periodEnd: number } {
  if (generation === "classic") {
    return {
      periodStart: int(object, "current_period_start"),
      periodEnd: int(object, "current_period_end"),
    };
  }
  let periodStart = Number.POSITIVE_INFINITY;
  let periodEnd = 0;
  for (const row of rows) {
    periodStart = Math.min(periodStart, int(row, "current_period_start"));
    periodEnd = Math.max(periodEnd, int(row, "current_period_end"));
  }
  return rows.length === 0
    ? missing("items.data[0].current_period_start")
    : { periodStart, periodEnd };
}

function itemFrom(row: Json): SubscriptionItem {
  const price = obj(row, "price");
  const recurring = obj(price, "recurring");
  const metadata = maybeObj(price, "metadata");
  return {
    id: str(row, "id"),
    price: str(price, "id"),
    product: looseRef(price, "product"),
    quantity: looseInt(row, "quantity"),
    unitAmountMinor: intOrNull(price, "unit_amount"),
    currency: str(price, "currency"),
    interval: str(recurring, "interval"),
    intervalCount: int(recurring, "interval_count"),
    usageType: looseStr(recurring, "usage_type") ?? "licensed",
    tierHint: metadata === null ? null : parseTier(metadata["plan_tier"]),
  };
}

/** `discount` until Basil, `discounts` (ids or objects) beside and after it; since 2025-09-30 the coupon lies under `source`. */
function discountsFrom(object: Json): SubscriptionSnapshot["discounts"] {
  const many = object["discounts"];
  const one = object["discount"];
  const all: unknown[] = Array.isArray(many) ? [...many] : [];
  if (isJson(one) && !all.some((each) => idOf(each) === one["id"])) {
    all.push(one);
  } else if (isJson(one)) {
    all.splice(0, all.length, ...all.map((each) => (each === one["id"] ? one : each)));
  }
  return all.map((each) => {
    const id = idOf(each) ?? missing("discounts[].id");
    return { id, coupon: isJson(each) ? couponOf(each) : null };
  });
}

function idOf(value: unknown): string | null {
  if (typeof value === "string") {
    return value;
  }
  return isJson(value) ? looseStr(value, "id") : null;
}

function couponOf(discount: Json): string | null {
  const source = maybeObj(discount, "source");
  return looseRef(discount, "coupon") ?? (source === null ? null : looseRef(source, "coupon"));
}
