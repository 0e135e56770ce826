import { collect, finalizeAndCollect, type Collected, type Collecting } from "./collection.ts";
import { emit, emitChange } from "./events.ts";
import { pendingItems } from "./invoice-items.ts";
import { subscriptionLine } from "./invoice-lines.ts";
import { voidNow } from "./invoice-routes.ts";
import { draftInvoice, finalizeInvoice } from "./invoices.ts";
import { periodEnd } from "./periods.ts";
import { asUpcoming, copyForDraft } from "./rehearsal.ts";
import type { Invoice, Subscription, SubscriptionItem } from "./shapes.ts";
import { itemAmount } from "./subscription-items.ts";
import { currentPeriod, endSubscription, patchSubscription } from "./subscription-state.ts";
import { amend, nowOf, type PauseBehaviour, type World } from "./world.ts";

const DAY = 86_400;
const TRIAL_WARNING_DAYS = 3;
const UPCOMING_DAYS = 7;

export interface Billing {
  readonly reason: NonNullable<Invoice["billing_reason"]>;
  /** Whether the items' current period is billed, or only what is pending. */
  readonly period: boolean;
  /** Share of the full price, 1 unless the first period is a part of one. */
  readonly share?: number;
  readonly trial?: boolean;
}

/** A draft for a subscription, remembered as its latest invoice; not announced yet. */
export function draftFor(w: World, subscription: Subscription, billing: Billing): Invoice {
  const customer = w.tables.customers.get(subscription.customer);
  if (customer === undefined) {
    throw new TypeError("a subscription without a customer");
  }
  const now = nowOf(w, subscription.test_clock);
  const period = currentPeriod(subscription);
  const lines = billing.period
    ? subscription.items.data.map((item) =>
        subscriptionLine(w, item, {
          period: { start: item.current_period_start, end: item.current_period_end },
          amount: billing.trial === true ? 0 : Math.round(itemAmount(item) * (billing.share ?? 1)),
          trial: billing.trial === true,
        }),
      )
    : [];
  const invoice = draftInvoice(w, {
    customer,
    subscription,
    currency: subscription.currency,
    reason: billing.reason,
    lines,
    items: pendingItems(w, customer.id, subscription.id),
    discounts: subscription.discounts,
    period:
      billing.reason === "subscription_cycle"
        ? { start: period.start, end: period.start }
        : { start: now, end: now },
    collection:
      subscription.collection_method === "send_invoice" ? "send_invoice" : "charge_automatically",
    daysUntilDue: subscription.days_until_due,
    description: null,
    metadata: {},
    autoAdvance: true,
    paymentMethod: null,
    clockId: subscription.test_clock,
  });
  return invoice;
}

/** Drafts, announces, finalizes and collects at once, as for a first invoice or a change of plan. */
export function billNow(
  w: World,
  id: string,
  billing: Billing,
  how: Collecting = {},
): Collected | undefined {
  const subscription = w.tables.subscriptions.get(id);
  if (subscription === undefined) {
    return undefined;
  }
  const draft = draftFor(w, subscription, billing);
  patchSubscription(w, id, { latest_invoice: draft.id });
  emit(w, "invoice.created", draft, draft.test_clock);
  const collected = finalizeAndCollect(w, draft.id, how);
  dropSpentDiscounts(w, id, collected.invoice);
  return collected;
}

/** Coupons for one invoice are gone after it. */
export function dropSpentDiscounts(w: World, id: string, invoice: Invoice): void {
  const subscription = w.tables.subscriptions.get(id);
  const now = nowOf(w, subscription?.test_clock);
  const kept: string[] = [];
  for (const discountId of subscription?.discounts ?? []) {
    const discount = w.tables.discounts.get(discountId);
    const once =
      w.tables.coupons.get(discount?.source.coupon ?? "")?.duration === "once" &&
      invoice.subtotal > 0;
    const ended = discount !== undefined && discount.end !== null && discount.end <= now;
    if (discount !== undefined && (once || ended)) {
      emit(w, "customer.discount.deleted", discount, subscription?.test_clock);
    } else {
      kept.push(discountId);
    }
  }
  if (subscription !== undefined && kept.length < subscription.discounts.length) {
    patchSubscription(w, id, { discounts: kept });
  }
}

/** Puts the end of the current period, and of a trial, on the agenda. */
export function scheduleCycle(w: World, subscription: Subscription): void {
  const { id, test_clock: clockId, cancel_at: cancelAt } = subscription;
  const { end } = currentPeriod(subscription);
  w.agenda.add(clockId, end, { do: "end period", subscription: id, end });
  if (end - UPCOMING_DAYS * DAY > nowOf(w, clockId)) {
    w.agenda.add(clockId, end - UPCOMING_DAYS * DAY, {
      do: "announce renewal",
      subscription: id,
      end,
    });
  }
  if (cancelAt !== null && cancelAt < end) {
    w.agenda.add(clockId, cancelAt, { do: "cancel subscription", subscription: id, cancelAt });
  }
  if (subscription.status === "trialing") {
    const warn = Math.max(nowOf(w, clockId), end - TRIAL_WARNING_DAYS * DAY);
    if (warn <= nowOf(w, clockId)) {
      warnOfTrialEnd(w, id, end);
    } else {
      w.agenda.add(clockId, warn, { do: "warn of trial end", subscription: id, end });
    }
  }
}

/** Three days before a trial ends, unless its end was moved. */
export function warnOfTrialEnd(w: World, id: string, end: number): void {
  const current = w.tables.subscriptions.get(id);
  if (current?.status === "trialing" && current.trial_end === end) {
    emit(w, "customer.subscription.trial_will_end", current, current.test_clock);
  }
}

/** The day of a planned cancellation, unless the plan was changed. */
export function cancelAsPlanned(w: World, id: string, cancelAt: number): void {
  const current = w.tables.subscriptions.get(id);
  if (current !== undefined && isLive(current) && current.cancel_at === cancelAt) {
    endSubscription(w, current, { reason: "cancellation_requested" });
  }
}

/** A week before a renewal Stripe tells what it will cost. */
export function announceUpcoming(w: World, id: string, end: number): void {
  const subscription = w.tables.subscriptions.get(id);
  const renews = subscription?.status === "active" || subscription?.status === "trialing";
  if (!renews || subscription.cancel_at_period_end || currentPeriod(subscription).end !== end) {
    return;
  }
  emit(w, "invoice.upcoming", upcomingInvoice(w, subscription), subscription.test_clock);
}

/** What the next renewal will bill, worked out on a copy of the account. */
export function upcomingInvoice(w: World, subscription: Subscription): Invoice {
  const { end } = currentPeriod(subscription);
  const moved: Subscription = {
    ...subscription,
    items: {
      ...subscription.items,
      data: movePeriods(subscription.items.data, end, subscription.billing_cycle_anchor),
    },
  };
  const draft = draftFor(copyForDraft(w), moved, {
    reason: "upcoming",
    period: !subscription.cancel_at_period_end,
  });
  return asUpcoming(w, draft);
}

function isLive(subscription: Subscription): boolean {
  return !["canceled", "incomplete_expired"].includes(subscription.status);
}

/** Renews or ends a subscription, unless its period was moved meanwhile. */
export function atPeriodEnd(w: World, id: string, end: number): void {
  const subscription = w.tables.subscriptions.get(id);
  if (
    subscription === undefined ||
    !isLive(subscription) ||
    currentPeriod(subscription).end !== end
  ) {
    return;
  }
  if (
    subscription.cancel_at_period_end ||
    (subscription.cancel_at !== null && subscription.cancel_at <= end)
  ) {
    endSubscription(w, subscription, { reason: "cancellation_requested" });
  } else if (subscription.status !== "paused" && subscription.status !== "incomplete") {
    renew(w, subscription, false);
  }
}

/** Begins the next period: the subscription moves on, its invoice is drafted, and charged about an hour later. */
export function renew(w: World, subscription: Subscription, atOnce: boolean): Invoice | undefined {
  if (subscription.status === "trialing" && !trialMayEnd(w, subscription)) {
    return undefined;
  }
  const start = nowOf(w, subscription.test_clock);
  const trialEnded = subscription.status === "trialing";
  const anchor = trialEnded || atOnce ? start : subscription.billing_cycle_anchor;
  const moved: Subscription = {
    ...subscription,
    billing_cycle_anchor: anchor,
    items: { ...subscription.items, data: movePeriods(subscription.items.data, start, anchor) },
    status: trialEnded ? "active" : subscription.status,
  };
  const draft = draftFor(w, moved, { reason: "subscription_cycle", period: true });
  const after = amend(w.tables.subscriptions, subscription, { ...moved, latest_invoice: draft.id });
  emitChange(w, "customer.subscription.updated", {
    before: subscription,
    after,
    clockId: after.test_clock,
  });
  emit(w, "invoice.created", draft, draft.test_clock);
  scheduleCycle(w, after);
  settleDraft(w, after, draft, atOnce);
  return w.tables.invoices.get(draft.id);
}

/** The items with their next period. */
export function movePeriods(
  items: readonly SubscriptionItem[],
  start: number,
  anchor: number,
): SubscriptionItem[] {
  return items.map((item) => ({
    ...item,
    current_period_start: start,
    current_period_end: periodEnd(start, item.price.recurring, anchor),
  }));
}

function settleDraft(w: World, subscription: Subscription, draft: Invoice, atOnce: boolean): void {
  const paused = subscription.pause_collection;
  if (subscription.status === "unpaid" || paused?.behavior === "keep_as_draft") {
    amend(w.tables.invoices, draft, { auto_advance: false, automatically_finalizes_at: null });
    return;
  }
  const pause = paused?.behavior ?? null;
  if (atOnce) {
    settleRenewal(w, { subscription: subscription.id, invoice: draft.id, pause });
  } else {
    w.agenda.add(draft.test_clock, nowOf(w, draft.test_clock) + w.settings.draftSeconds, {
      do: "settle renewal",
      subscription: subscription.id,
      invoice: draft.id,
      pause,
    });
  }
}

/** A renewal's draft is charged, or dealt with as the pause wants that was in force when it was drafted. */
export function settleRenewal(
  w: World,
  renewal: {
    readonly subscription: string;
    readonly invoice: string;
    readonly pause: PauseBehaviour | null;
  },
): void {
  const draft = w.tables.invoices.get(renewal.invoice);
  if (draft?.status !== "draft") {
    return;
  }
  if (renewal.pause === null) {
    finalizeAndCollect(w, draft.id);
    dropSpentDiscounts(w, renewal.subscription, draft);
    return;
  }
  const open = finalizeInvoice(w, draft.id);
  if (open.amount_due === 0) {
    collect(w, open.id);
  } else if (renewal.pause === "void") {
    voidNow(w, open);
  } else {
    const after = amend(w.tables.invoices, open, {
      next_payment_attempt: null,
      status: "uncollectible",
    });
    emit(w, "invoice.marked_uncollectible", after, after.test_clock);
  }
}

/** Without a payment method a trial may end in a pause or in cancellation instead of an invoice. */
export function trialMayEnd(w: World, subscription: Subscription): boolean {
  const customer = w.tables.customers.get(subscription.customer);
  const method =
    subscription.default_payment_method ??
    customer?.invoice_settings.default_payment_method ??
    customer?.default_source;
  const behaviour = subscription.trial_settings?.end_behavior.missing_payment_method;
  if (
    (method !== null && method !== undefined) ||
    behaviour === "create_invoice" ||
    behaviour === undefined
  ) {
    return true;
  }
  if (behaviour === "cancel") {
    endSubscription(w, subscription, { reason: null });
    return false;
  }
  const now = nowOf(w, subscription.test_clock);
  const paused = amend(w.tables.subscriptions, subscription, { status: "paused", trial_end: now });
  emitChange(w, "customer.subscription.updated", {
    before: subscription,
    after: paused,
    clockId: paused.test_clock,
  });
  emit(w, "customer.subscription.paused", paused, paused.test_clock);
  return false;
}
