import type { SubscriptionItem, SubscriptionSnapshot, SubscriptionStatus } from "./model.ts";
import type { Law } from "./stamp.core.ts";
import { isFetched, secondsOf } from "./stamp.core.ts";

const RANK: Readonly<Record<SubscriptionStatus, number>> = {
  incomplete: 0,
  trialing: 1,
  active: 2,
  past_due: 3,
  unpaid: 4,
  paused: 5,
  incomplete_expired: 6,
  canceled: 7,
};

/** The states that Stripe never leaves for this subscription id. */
export function isEnded(status: SubscriptionStatus): boolean {
  return status === "canceled" || status === "incomplete_expired";
}

/** The states in which the customer has what was bought. In `past_due` grace runs; `unpaid`, `paused` and `incomplete` give nothing. */
export function isLive(status: SubscriptionStatus): boolean {
  return status === "trialing" || status === "active" || status === "past_due";
}

const FIELDS: Readonly<Record<string, (snapshot: SubscriptionSnapshot) => unknown>> = {
  status: (snapshot) => snapshot.status,
  cancel_at_period_end: (snapshot) => snapshot.cancelAtPeriodEnd,
  cancel_at: (snapshot) => snapshot.cancelAt,
  canceled_at: (snapshot) => snapshot.canceledAt,
  ended_at: (snapshot) => snapshot.endedAt,
  trial_end: (snapshot) => snapshot.trialEnd,
  trial_start: (snapshot) => snapshot.trialStart,
  current_period_end: (snapshot) => snapshot.periodEnd,
  current_period_start: (snapshot) => snapshot.periodStart,
  latest_invoice: (snapshot) => snapshot.latestInvoice,
  quantity: (snapshot) => totalQuantity(snapshot.items),
};

export const subscriptionLaw: Law<SubscriptionSnapshot> = {
  isTerminal: (snapshot) => isEnded(snapshot.status),
  rank: (snapshot) => RANK[snapshot.status],
  // Only the way out of `incomplete` is one-way; active and past_due come and go.
  ranksProve: (left, right) => left.status === "incomplete" || right.status === "incomplete",
  fieldOf: (snapshot, field) => FIELDS[field]?.(snapshot),
};

/**
 * What `past_due_since` is computed from, in any order of arrival: the place of the newest snapshot
 * that was not past due, and the places of those past due after it. Earlier ones can never matter
 * again, because the first only grows.
 */
export interface PastDueHistory {
  readonly settledWatermark: string;
  /** `watermark|seconds` of each, separated by spaces. */
  readonly points: string;
}

export const NO_HISTORY: PastDueHistory = { settledWatermark: "", points: "" };

/**
 * Takes one more snapshot into the history, whether or not it becomes the row. What is noted depends on
 * the snapshot alone, or the order of arrival would show.
 *
 * A fetched past_due snapshot does not know when the episode began; it cannot have begun before the
 * period that went unpaid.
 */
export function observe(
  history: PastDueHistory,
  snapshot: SubscriptionSnapshot,
  watermark: string,
  fetchedAtSeconds: number | null,
): PastDueHistory {
  if (watermark <= history.settledWatermark) {
    return history;
  }
  if (snapshot.status !== "past_due") {
    const kept = history.points === "" ? "" : pointsAfter(history.points, watermark);
    return { settledWatermark: watermark, points: kept };
  }
  const since =
    fetchedAtSeconds === null
      ? secondsOf(watermark)
      : Math.min(fetchedAtSeconds, snapshot.periodStart);
  const point = `${watermark}|${since}`;
  if (history.points.includes(point)) {
    return history;
  }
  return { ...history, points: history.points === "" ? point : `${history.points} ${point}` };
}

function pointsAfter(points: string, watermark: string): string {
  return points
    .split(" ")
    .filter((point) => point.slice(0, point.indexOf("|")) > watermark)
    .join(" ");
}

/**
 * Seconds since 1970 of the entry into the present episode of past_due, or null outside of one. Events
 * know; an answer only bounds it, so it counts where no event is left, and never from before the last
 * moment that was in order.
 */
export function pastDueSince(history: PastDueHistory, status: SubscriptionStatus): number | null {
  if (status !== "past_due" || history.points === "") {
    return null;
  }
  const points = history.points.split(" ");
  const told = points.filter((point) => !isFetched(point));
  const entries = (told.length > 0 ? told : points).map((point) =>
    Number(point.slice(point.indexOf("|") + 1)),
  );
  const settled = history.settledWatermark === "" ? 0 : secondsOf(history.settledWatermark);
  return Math.max(Math.min(...entries), settled);
}

/** `monthly`, `annual` as the runbooks say them, `quarterly`, `weekly`, `daily`, else `every_<n>_<interval>s`. */
export function billingCycleOf(interval: string, count: number): string {
  switch (`${count} ${interval}`) {
    case "1 month":
      return "monthly";
    case "1 year":
    case "12 month":
      return "annual";
    case "3 month":
      return "quarterly";
    case "6 month":
      return "semiannual";
    case "1 week":
      return "weekly";
    case "1 day":
      return "daily";
    default:
      return `every_${count}_${interval}s`;
  }
}

export function totalQuantity(items: readonly SubscriptionItem[]): number {
  let total = 0;
  for (const item of items) {
    total += item.quantity ?? 0;
  }
  return total;
}

/** Per cycle, licensed items only, before discounts and tax; null where a price has no fixed amount. Metered items cost what is used and count nothing. */
export function amountOf(items: readonly SubscriptionItem[]): number | null {
  let total = 0;
  for (const item of items) {
    if (item.usageType !== "metered") {
      if (item.unitAmountMinor === null) {
        return null;
      }
      total += item.unitAmountMinor * (item.quantity ?? 1);
    }
  }
  return total;
}
