import { emit, emitChange } from "./events.ts";
import type { Invoice, Subscription } from "./shapes.ts";
import { amend, nowOf, type World } from "./world.ts";

/** Changes a subscription and announces customer.subscription.updated when that made a difference. */
export function patchSubscription(
  w: World,
  id: string,
  patch: Partial<Subscription>,
): Subscription | undefined {
  const before = w.tables.subscriptions.get(id);
  if (before === undefined) {
    return undefined;
  }
  const after = amend(w.tables.subscriptions, before, patch);
  emitChange(w, "customer.subscription.updated", { before, after, clockId: after.test_clock });
  return after;
}

export interface Ending {
  readonly reason: NonNullable<Subscription["cancellation_details"]>["reason"];
  readonly comment?: string | null;
  readonly feedback?: NonNullable<Subscription["cancellation_details"]>["feedback"];
}

/** Ends a subscription now; announces customer.subscription.deleted. */
export function endSubscription(w: World, before: Subscription, ending: Ending): Subscription {
  const now = nowOf(w, before.test_clock);
  const after = amend(w.tables.subscriptions, before, {
    cancel_at_period_end: false,
    canceled_at: before.canceled_at ?? now,
    cancellation_details: {
      comment: ending.comment ?? before.cancellation_details?.comment ?? null,
      feedback: ending.feedback ?? before.cancellation_details?.feedback ?? null,
      feedback_option: null,
      reason: ending.reason,
    },
    ended_at: now,
    status: "canceled",
  });
  emit(w, "customer.subscription.deleted", after, after.test_clock);
  return after;
}

/** The subscription an invoice belongs to. */
export function subscriptionOf(w: World, invoice: Invoice): Subscription | undefined {
  const id = invoice.parent?.subscription_details?.subscription;
  return id === undefined ? undefined : w.tables.subscriptions.get(id);
}

/** The end of the period that its items share. */
export function currentPeriod(subscription: Subscription): { start: number; end: number } {
  const [first] = subscription.items.data;
  return { start: first?.current_period_start ?? 0, end: first?.current_period_end ?? 0 };
}
