import { need } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import { bool, choice, nested, nullable, type Input } from "#sandbox/http/input.ts";

import { billNow, movePeriods, scheduleCycle } from "./cycles.ts";
import { emit } from "./events.ts";
import { prorate } from "./prorations.ts";
import type { Subscription } from "./shapes.ts";
import { endSubscription, patchSubscription, type Ending } from "./subscription-state.ts";
import { nowOf, type World } from "./world.ts";

const FEEDBACK = [
  "customer_service",
  "low_quality",
  "missing_features",
  "other",
  "switched_service",
  "too_complex",
  "too_expensive",
  "unused",
] as const;

/** What a request says about why. */
export function endingOf(input: Input): Pick<Ending, "comment" | "feedback"> {
  const details = nested(input, "cancellation_details");
  return details === undefined
    ? {}
    : {
        comment: nullable(details, "comment") ?? null,
        feedback: choice(details, "feedback", FEEDBACK) ?? null,
      };
}

/** Cancels at once; `prorate` credits the unused time and `invoice_now` bills what is pending. */
export function cancelSubscription(w: World, id: string, input: Input): Subscription {
  const before = need(w.tables.subscriptions, "subscription", id);
  if (before.status === "canceled" || before.status === "incomplete_expired") {
    throw invalid(`No such subscription: '${id}'`, "id", "resource_missing");
  }
  if (bool(input, "prorate") === true) {
    prorate(w, before, {
      before: before.items.data,
      after: [],
      at: nowOf(w, before.test_clock),
      charge: false,
    });
  }
  const ended = endSubscription(w, before, {
    reason: "cancellation_requested",
    ...endingOf(input),
  });
  if (bool(input, "invoice_now") === true) {
    billNow(w, id, { reason: "subscription_update", period: false });
  }
  return w.tables.subscriptions.get(id) ?? ended;
}

/** Resumes a subscription that was paused when its trial ended. */
export function resumeSubscription(w: World, id: string, input: Input): Subscription {
  const before = need(w.tables.subscriptions, "subscription", id);
  if (before.status !== "paused") {
    throw invalid(
      `Only subscriptions with a status of paused can be resumed; this one is ${before.status}.`,
    );
  }
  const now = nowOf(w, before.test_clock);
  const anchor =
    choice(input, "billing_cycle_anchor", ["now", "unchanged"]) === "unchanged"
      ? before.billing_cycle_anchor
      : now;
  patchSubscription(w, id, {
    billing_cycle_anchor: anchor,
    items: { ...before.items, data: movePeriods(before.items.data, now, anchor) },
    status: "active",
  });
  const collected = billNow(w, id, { reason: "subscription_update", period: true });
  const after = need(w.tables.subscriptions, "subscription", id);
  if (collected?.decline === undefined) {
    emit(w, "customer.subscription.resumed", after, after.test_clock);
  }
  scheduleCycle(w, after);
  return after;
}
