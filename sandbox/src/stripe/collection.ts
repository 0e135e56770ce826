import { invalid } from "#sandbox/http/failure.ts";

import { patchCustomer } from "./customers.ts";
import { emit, emitChange } from "./events.ts";
import { finalizeInvoice, markPaid, paymentOf } from "./invoices.ts";
import { makeIntent } from "./payment-intents.ts";
import { resolvePaymentMethod } from "./payment-methods.ts";
import { confirmIntent } from "./payments.ts";
import type { Invoice, PaymentIntent, Subscription } from "./shapes.ts";
import { endSubscription, patchSubscription, subscriptionOf } from "./subscription-state.ts";
import type { Decline } from "./test-cards.ts";
import { amend, nowOf, type World } from "./world.ts";

const DAY = 86_400;

export interface Collecting {
  readonly paymentMethod?: string | undefined;
  readonly paidOutOfBand?: boolean;
  readonly offSession?: boolean;
  readonly authenticated?: boolean;
  /** Leaves the payment to the customer (payment_behavior=default_incomplete). */
  readonly holdPayment?: boolean;
}

export interface Collected {
  readonly invoice: Invoice;
  /** Why no money came; undefined when paid or under way. */
  readonly decline: Decline | undefined;
  readonly intent: PaymentIntent | undefined;
}

const NO_METHOD: Decline = {
  code: "resource_missing",
  declineCode: undefined,
  message:
    "This customer has no attached payment source or default payment method. Please consider adding a default payment method.",
};

const AUTHENTICATION: Decline = {
  code: "subscription_payment_intent_requires_action",
  declineCode: undefined,
  message:
    "Payment for this subscription requires additional user action before it can be completed successfully.",
};

/** Tries to get an open invoice paid and lets its subscription and customer follow. */
export function collect(w: World, id: string, how: Collecting = {}): Collected {
  const invoice = w.tables.invoices.get(id);
  if (invoice === undefined || (invoice.status !== "open" && invoice.status !== "uncollectible")) {
    throw invalid(
      invoice?.status === "paid" ? "Invoice is already paid" : "This invoice cannot be paid.",
      undefined,
      "invoice_payment_intent_requires_action",
    );
  }
  if (invoice.amount_due === 0 || how.paidOutOfBand === true) {
    return {
      invoice: paid(w, invoice, how.paidOutOfBand === true ? invoice.amount_due : 0),
      decline: undefined,
      intent: undefined,
    };
  }
  const method = how.paymentMethod ?? defaultMethod(w, invoice);
  if (method === undefined) {
    return { invoice: unpaid(w, invoice), decline: NO_METHOD, intent: undefined };
  }
  const intent = amend(w.tables.paymentIntents, intentOf(w, invoice), {
    payment_method: how.paymentMethod === undefined ? method : resolvePaymentMethod(w, method).id,
  });
  const confirmed = confirmIntent(w, intent, {
    offSession: how.offSession ?? true,
    clockId: invoice.test_clock,
    authenticated: how.authenticated ?? false,
    settles: { kind: "invoice", id: invoice.id },
  });
  switch (confirmed.intent.status) {
    case "succeeded":
      return {
        invoice: paid(w, current(w, invoice), confirmed.intent.amount),
        decline: undefined,
        intent: confirmed.intent,
      };
    case "processing":
      return {
        invoice: waiting(w, current(w, invoice)),
        decline: undefined,
        intent: confirmed.intent,
      };
    case "requires_action":
      emit(w, "invoice.payment_action_required", current(w, invoice), invoice.test_clock);
      return {
        invoice: unpaid(w, current(w, invoice)),
        decline: AUTHENTICATION,
        intent: confirmed.intent,
      };
    default:
      return {
        invoice: unpaid(w, current(w, invoice)),
        decline: confirmed.decline,
        intent: confirmed.intent,
      };
  }
}

/** An invoice's bank debit of so much came through or did not. */
export function settleInvoice(w: World, id: string, amount: number, succeeded: boolean): void {
  const open = w.tables.invoices.get(id);
  if (open?.status !== "open") {
    return;
  }
  if (succeeded) {
    paid(w, open, amount);
  } else {
    unpaid(w, open);
  }
}

function current(w: World, invoice: Invoice): Invoice {
  return w.tables.invoices.get(invoice.id) ?? invoice;
}

function intentOf(w: World, invoice: Invoice): PaymentIntent {
  const known = w.tables.paymentIntents.get(paymentOf(w, invoice.id)?.payment.payment_intent ?? "");
  return (
    known ??
    makeIntent(w, {
      amount: invoice.amount_due,
      currency: invoice.currency,
      customer: invoice.customer,
      paymentMethod: null,
      description: null,
      metadata: {},
      clockId: invoice.test_clock,
    })
  );
}

/** Stripe's order: the subscription's, the invoice's, then the customer's default. */
function defaultMethod(w: World, invoice: Invoice): string | undefined {
  const customer = w.tables.customers.get(invoice.customer ?? "");
  return (
    subscriptionOf(w, invoice)?.default_payment_method ??
    invoice.default_payment_method ??
    customer?.invoice_settings.default_payment_method ??
    customer?.default_source ??
    undefined
  );
}

function waiting(w: World, before: Invoice): Invoice {
  const after = amend(w.tables.invoices, before, {
    attempted: true,
    attempt_count: before.attempt_count + 1,
  });
  const subscription = subscriptionOf(w, after);
  if (subscription?.status === "incomplete") {
    patchSubscription(w, subscription.id, { status: "active" });
  }
  return after;
}

function paid(w: World, before: Invoice, amount: number): Invoice {
  const after = markPaid(w, before, amount);
  const subscription = subscriptionOf(w, after);
  if (
    subscription !== undefined &&
    ["incomplete", "past_due", "unpaid"].includes(subscription.status) &&
    isLatest(subscription, after)
  ) {
    patchSubscription(w, subscription.id, { status: "active" });
  }
  if (after.customer !== null && !owes(w, after.customer)) {
    patchCustomer(w, after.customer, { delinquent: false });
  }
  return after;
}

function isLatest(subscription: Subscription, invoice: Invoice): boolean {
  return subscription.latest_invoice === invoice.id || subscription.latest_invoice === null;
}

function owes(w: World, customer: string): boolean {
  return [...w.tables.subscriptions.values()].some(
    (subscription) =>
      subscription.customer === customer &&
      (subscription.status === "past_due" || subscription.status === "unpaid"),
  );
}

/** An attempt failed: count it, plan the next one, and let the subscription fall behind. */
function unpaid(w: World, before: Invoice): Invoice {
  const subscription = subscriptionOf(w, before);
  const attempts = before.attempt_count + 1;
  const retries =
    subscription === undefined ||
    before.auto_advance !== true ||
    subscription.status === "incomplete"
      ? []
      : w.settings.retryDays;
  const days = retries[attempts - 1];
  const now = nowOf(w, before.test_clock);
  const next = days === undefined ? null : now + days * DAY;
  const after = amend(w.tables.invoices, before, {
    attempt_count: attempts,
    attempted: true,
    next_payment_attempt: next,
  });
  emitChange(w, "invoice.updated", { before, after, clockId: after.test_clock });
  emit(w, "invoice.payment_failed", after, after.test_clock);
  if (subscription === undefined) {
    return after;
  }
  if (subscription.status === "active" || subscription.status === "trialing") {
    patchSubscription(w, subscription.id, { status: "past_due" });
    patchCustomer(w, subscription.customer, { delinquent: true });
  }
  if (next !== null) {
    w.agenda.add(after.test_clock, next, { do: "retry payment", invoice: after.id, planned: next });
  } else if (retries.length > 0) {
    giveUp(w, subscription.id);
  }
  return after;
}

/** The next attempt at an invoice, unless something came between. */
export function retryPayment(w: World, id: string, planned: number): void {
  const invoice = w.tables.invoices.get(id);
  const subscription = invoice === undefined ? undefined : subscriptionOf(w, invoice);
  if (
    invoice?.status === "open" &&
    invoice.next_payment_attempt === planned &&
    subscription?.status !== "canceled"
  ) {
    collect(w, id);
  }
}

/** The retries are used up. */
function giveUp(w: World, id: string): void {
  const subscription = w.tables.subscriptions.get(id);
  if (subscription?.status !== "past_due") {
    return;
  }
  switch (w.settings.afterRetries) {
    case "cancel":
      endSubscription(w, subscription, { reason: "payment_failed" });
      break;
    case "unpaid":
      patchSubscription(w, id, { status: "unpaid" });
      break;
    case "past_due":
      break;
  }
}

/** Finalizes a draft and either charges it or, where the customer is sent a bill, sends it. */
export function finalizeAndCollect(w: World, id: string, how: Collecting = {}): Collected {
  const invoice = finalizeInvoice(w, id);
  if (invoice.collection_method === "send_invoice") {
    if (invoice.amount_due === 0) {
      return collect(w, id);
    }
    const sent = sendInvoice(w, id);
    return { invoice: sent, decline: undefined, intent: undefined };
  }
  return how.holdPayment === true
    ? { invoice, decline: undefined, intent: undefined }
    : collect(w, id, how);
}

/** Announces invoice.sent and watches the due date. */
export function sendInvoice(w: World, id: string): Invoice {
  const invoice = w.tables.invoices.get(id);
  if (invoice === undefined) {
    throw invalid("No such invoice", "id");
  }
  emit(w, "invoice.sent", invoice, invoice.test_clock);
  if (invoice.due_date !== null) {
    w.agenda.add(invoice.test_clock, invoice.due_date, { do: "invoice overdue", invoice: id });
  }
  return invoice;
}

/** The due date of a sent invoice has passed. */
export function markOverdue(w: World, id: string): void {
  const late = w.tables.invoices.get(id);
  if (late?.status === "open") {
    emit(w, "invoice.overdue", late, late.test_clock);
    const subscription = subscriptionOf(w, late);
    if (subscription?.status === "active") {
      patchSubscription(w, subscription.id, { status: "past_due" });
    }
  }
}
