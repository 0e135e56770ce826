import { need } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  has,
  int,
  metadata,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";

import { redeem, wantedDiscounts } from "./coupons.ts";
import { billNow, movePeriods, scheduleCycle, trialMayEnd } from "./cycles.ts";
import { emit } from "./events.ts";
import { cardError, resolvePaymentMethod } from "./payment-methods.ts";
import { sameInterval } from "./periods.ts";
import { prorate } from "./prorations.ts";
import type { Subscription, SubscriptionItem } from "./shapes.ts";
import { endingOf } from "./subscription-end.ts";
import { applyChanges, itemChanges } from "./subscription-items.ts";
import { currentPeriod, patchSubscription } from "./subscription-state.ts";
import { nowOf, type World } from "./world.ts";

const PRORATIONS = ["always_invoice", "create_prorations", "none"] as const;

/** Changes a subscription: plan and quantity with prorations, trial, pause, pending cancellation, discounts, the rest. */
export function updateSubscription(w: World, id: string, input: Input): Subscription {
  const before = need(w.tables.subscriptions, "subscription", id);
  if (before.status === "canceled" || before.status === "incomplete_expired") {
    throw invalid("A canceled subscription can only update its cancellation_details and metadata.");
  }
  const now = nowOf(w, before.test_clock);
  const proration = choice(input, "proration_behavior", PRORATIONS) ?? "create_prorations";
  const cycle = cycleOf(w, before, input, now);
  const patch: Partial<Subscription> = {
    ...plainMembers(w, before, input),
    ...endMembers(before, input, now),
    ...pauseMembers(w, before, input),
    ...discountMembers(w, before, input, now),
    ...cycle.patch,
  };
  const at = int(input, "proration_date") ?? now;
  const made =
    proration === "none" || before.status === "trialing" || (!cycle.itemsChanged && !cycle.restarts)
      ? 0
      : prorate(w, before, {
          before: before.items.data,
          after: cycle.items,
          at,
          charge: !cycle.restarts,
        });
  patchSubscription(w, id, patch);
  bill(w, id, {
    restarts: cycle.restarts,
    invoiceNow: proration === "always_invoice" && made > 0,
    input,
  });
  const after = need(w.tables.subscriptions, "subscription", id);
  if (
    currentPeriod(after).end !== currentPeriod(before).end ||
    after.cancel_at !== before.cancel_at
  ) {
    scheduleCycle(w, after);
  }
  return after;
}

interface Cycle {
  readonly items: readonly SubscriptionItem[];
  readonly itemsChanged: boolean;
  /** A new period begins now and is billed in full. */
  readonly restarts: boolean;
  readonly patch: Partial<Subscription>;
}

/** What becomes of items, period and trial. */
function cycleOf(w: World, before: Subscription, input: Input, now: number): Cycle {
  const changes = itemChanges(w, input);
  const period = currentPeriod(before);
  const items =
    changes === undefined
      ? before.items.data
      : applyChanges(w, before.items.data, changes, {
          subscription: before.id,
          clockId: before.test_clock,
          ...period,
        });
  const trialEnd = text(input, "trial_end");
  const endsTrial = trialEnd === "now" && before.status === "trialing";
  const later = trialEnd === "now" ? undefined : int(input, "trial_end");
  const intervalChanged = !sameInterval(
    items[0]?.price.recurring ?? null,
    before.items.data[0]?.price.recurring ?? null,
  );
  const restarts =
    endsTrial ||
    text(input, "billing_cycle_anchor") === "now" ||
    (intervalChanged && before.status !== "trialing");
  if (later !== undefined) {
    const moved = items.map((item) => ({ ...item, current_period_end: later }));
    return {
      items: moved,
      itemsChanged: false,
      restarts: false,
      patch: {
        items: { ...before.items, data: moved },
        status: "trialing",
        trial_end: later,
        trial_start: before.trial_start ?? now,
        billing_cycle_anchor: later,
      },
    };
  }
  if (endsTrial && !trialMayEnd(w, before)) {
    return { items, itemsChanged: false, restarts: false, patch: {} };
  }
  const data = restarts ? movePeriods(items, now, now) : [...items];
  return {
    items: data,
    itemsChanged: changes !== undefined,
    restarts,
    patch: {
      ...(changes === undefined && !restarts ? {} : { items: { ...before.items, data } }),
      ...(restarts ? { billing_cycle_anchor: now } : {}),
      ...(endsTrial ? { status: "active", trial_end: now } : {}),
    },
  };
}

function bill(
  w: World,
  id: string,
  how: { restarts: boolean; invoiceNow: boolean; input: Input },
): void {
  if (!how.restarts && !how.invoiceNow) {
    return;
  }
  const collected = billNow(w, id, { reason: "subscription_update", period: how.restarts });
  if (
    collected?.decline !== undefined &&
    text(how.input, "payment_behavior") === "error_if_incomplete"
  ) {
    throw cardError(collected.decline);
  }
}

function plainMembers(w: World, before: Subscription, input: Input): Partial<Subscription> {
  const method = nullable(input, "default_payment_method");
  return {
    metadata: metadata(input, before.metadata),
    description: has(input, "description")
      ? (nullable(input, "description") ?? null)
      : before.description,
    days_until_due: int(input, "days_until_due") ?? before.days_until_due,
    collection_method:
      choice(input, "collection_method", ["charge_automatically", "send_invoice"]) ??
      before.collection_method,
    default_payment_method:
      typeof method === "string"
        ? resolvePaymentMethod(w, method, "default_payment_method").id
        : method === null
          ? null
          : before.default_payment_method,
  };
}

/** Pending cancellation: both switches and a date; taking it back clears who and when. */
function endMembers(before: Subscription, input: Input, now: number): Partial<Subscription> {
  const atEnd = bool(input, "cancel_at_period_end");
  const at = nullable(input, "cancel_at");
  if (atEnd === undefined && at === undefined) {
    return {};
  }
  const { end } = currentPeriod(before);
  const pending = atEnd === true || typeof at === "string";
  const date =
    at === "min_period_end" || at === "max_period_end" ? end : (int(input, "cancel_at") ?? null);
  return {
    cancel_at: atEnd === true ? end : date,
    cancel_at_period_end: atEnd ?? false,
    canceled_at: pending ? now : null,
    cancellation_details: {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: pending ? "cancellation_requested" : null,
      ...endingOf(input),
    },
  };
}

function pauseMembers(w: World, before: Subscription, input: Input): Partial<Subscription> {
  if (!has(input, "pause_collection")) {
    return {};
  }
  const pause = nested(input, "pause_collection");
  if (pause === undefined) {
    return { pause_collection: null };
  }
  const behavior = choice(pause, "behavior", ["keep_as_draft", "mark_uncollectible", "void"]);
  if (behavior === undefined) {
    throw invalid(
      "Missing required param: pause_collection[behavior].",
      "pause_collection[behavior]",
      "parameter_missing",
    );
  }
  const resumesAt = int(pause, "resumes_at") ?? null;
  if (resumesAt !== null) {
    w.agenda.add(before.test_clock, resumesAt, {
      do: "resume collection",
      subscription: before.id,
      resumesAt,
    });
  }
  return { pause_collection: { behavior, resumes_at: resumesAt } };
}

/** A pause ends by itself, unless it was changed meanwhile. */
export function resumeCollection(w: World, id: string, resumesAt: number): void {
  if (w.tables.subscriptions.get(id)?.pause_collection?.resumes_at === resumesAt) {
    patchSubscription(w, id, { pause_collection: null });
  }
}

function discountMembers(
  w: World,
  before: Subscription,
  input: Input,
  now: number,
): Partial<Subscription> {
  const wishes = wantedDiscounts(w, input);
  if (wishes === undefined) {
    return {};
  }
  for (const id of before.discounts) {
    const old = w.tables.discounts.get(id);
    if (old !== undefined) {
      emit(w, "customer.discount.deleted", old, before.test_clock);
    }
  }
  const made = wishes.map((wish) =>
    redeem(w, wish.coupon, {
      customer: before.customer,
      subscription: before.id,
      promotionCode: wish.promotionCode,
      now,
    }),
  );
  for (const discount of made) {
    emit(w, "customer.discount.created", discount, before.test_clock);
  }
  return { discounts: made.map((discount) => discount.id) };
}
