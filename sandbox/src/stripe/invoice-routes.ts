import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, missing } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  has,
  hashes,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { collect, finalizeAndCollect, sendInvoice } from "./collection.ts";
import { redeem, wantedDiscounts } from "./coupons.ts";
import { emit, emitChange } from "./events.ts";
import { createInvoiceItem, pendingItems } from "./invoice-items.ts";
import { itemLine } from "./invoice-lines.ts";
import { draftInvoice, finalizeInvoice, paymentOf, refigure } from "./invoices.ts";
import { cancelIntent } from "./payment-intents.ts";
import { cardError } from "./payment-methods.ts";
import { isLive } from "./payments.ts";
import type { Invoice } from "./shapes.ts";
import { patchSubscription, subscriptionOf } from "./subscription-state.ts";
import { amend, nowOf, type World } from "./world.ts";

const COLLECTIONS = ["charge_automatically", "send_invoice"] as const;

function create(call: Call): Invoice {
  const { w, input } = call;
  const customer = need(w.tables.customers, "customer", needText(input, "customer"), "customer");
  const subscriptionId = text(input, "subscription") ?? null;
  const subscription =
    subscriptionId === null
      ? undefined
      : need(w.tables.subscriptions, "subscription", subscriptionId, "subscription");
  const now = nowOf(w, customer.test_clock);
  const behaviour =
    choice(input, "pending_invoice_items_behavior", ["exclude", "include"]) ??
    (subscription === undefined ? "exclude" : "include");
  const items = behaviour === "include" ? pendingItems(w, customer.id, subscriptionId) : [];
  const discounts = (wantedDiscounts(w, input) ?? []).map(
    (wish) =>
      redeem(w, wish.coupon, {
        customer: customer.id,
        subscription: null,
        promotionCode: wish.promotionCode,
        now,
      }).id,
  );
  const invoice = draftInvoice(w, {
    customer,
    subscription: subscription ?? null,
    currency: (text(input, "currency") ?? items[0]?.currency ?? "usd").toLowerCase(),
    reason: "manual",
    lines: [],
    items,
    discounts,
    period: { start: now, end: now },
    collection: choice(input, "collection_method", COLLECTIONS) ?? "charge_automatically",
    daysUntilDue: int(input, "days_until_due") ?? null,
    description: nullable(input, "description") ?? null,
    metadata: metadata(input),
    autoAdvance: bool(input, "auto_advance") ?? false,
    paymentMethod: text(input, "default_payment_method") ?? null,
    clockId: customer.test_clock ?? null,
  });
  emit(w, "invoice.created", invoice, invoice.test_clock);
  if (invoice.auto_advance === true) {
    w.agenda.add(invoice.test_clock, now + w.settings.draftSeconds, {
      do: "finalize invoice",
      invoice: invoice.id,
    });
  }
  return invoice;
}

/** A draft's hour is over. */
export function finalizeDraft(w: World, id: string): void {
  if (w.tables.invoices.get(id)?.status === "draft") {
    finalizeAndCollect(w, id);
  }
}

function invoiceOf(call: Call): Invoice {
  return need(call.w.tables.invoices, "invoice", idOf(call));
}

function update(call: Call): Invoice {
  const { w, input } = call;
  const before = invoiceOf(call);
  const after = amend(w.tables.invoices, before, {
    auto_advance: bool(input, "auto_advance") ?? before.auto_advance ?? false,
    default_payment_method:
      nullable(input, "default_payment_method") ?? before.default_payment_method,
    description: has(input, "description")
      ? (nullable(input, "description") ?? null)
      : before.description,
    due_date: int(input, "due_date") ?? before.due_date,
    footer: nullable(input, "footer") ?? before.footer,
    metadata: metadata(input, before.metadata ?? {}),
  });
  emitChange(w, "invoice.updated", { before, after, clockId: after.test_clock });
  return after;
}

function finalize(call: Call): Invoice {
  const { w } = call;
  const before = invoiceOf(call);
  const advance = bool(call.input, "auto_advance") ?? before.auto_advance ?? false;
  const invoice = finalizeInvoice(w, before.id);
  const settled = invoice.amount_due === 0 ? collect(w, invoice.id).invoice : invoice;
  if (advance && settled.status === "open") {
    return invoice.collection_method === "send_invoice"
      ? sendInvoice(w, invoice.id)
      : collect(w, invoice.id).invoice;
  }
  return settled;
}

function pay(call: Call): Invoice {
  const { w, input } = call;
  const before = invoiceOf(call);
  if (before.status === "draft") {
    finalizeInvoice(w, before.id);
  }
  const method = text(input, "payment_method") ?? text(input, "source");
  const { invoice, decline, intent } = collect(w, before.id, {
    ...(method === undefined ? {} : { paymentMethod: method }),
    paidOutOfBand: bool(input, "paid_out_of_band") ?? false,
    offSession: bool(input, "off_session") ?? false,
  });
  if (decline !== undefined) {
    throw decline.code === "resource_missing"
      ? invalid(decline.message, undefined, decline.code)
      : cardError(
          decline,
          intent === undefined ? {} : { attached: { name: "payment_intent", id: intent.id } },
        );
  }
  return invoice;
}

function voidInvoice(call: Call): Invoice {
  const { w } = call;
  const before = invoiceOf(call);
  if (before.status !== "open" && before.status !== "uncollectible") {
    throw invalid("You can only pass in open invoices. This invoice isn't open.");
  }
  return voidNow(w, before);
}

/** Voids an invoice and cancels its payment. */
export function voidNow(w: World, before: Invoice): Invoice {
  const intent = w.tables.paymentIntents.get(paymentOf(w, before.id)?.payment.payment_intent ?? "");
  const after = amend(w.tables.invoices, before, {
    amount_remaining: 0,
    next_payment_attempt: null,
    status: "void",
    status_transitions: { ...before.status_transitions, voided_at: nowOf(w, before.test_clock) },
  });
  emit(w, "invoice.voided", after, after.test_clock);
  if (intent !== undefined && isLive(intent)) {
    cancelIntent(w, intent.id, "void_invoice");
  }
  reviveAfter(w, after);
  return after;
}

/** A past-due subscription whose debt is forgiven is active again. */
function reviveAfter(w: World, invoice: Invoice): void {
  const subscription = subscriptionOf(w, invoice);
  if (subscription?.status === "past_due" && subscription.latest_invoice === invoice.id) {
    patchSubscription(w, subscription.id, { status: "active" });
  }
}

function writeOff(call: Call): Invoice {
  const { w } = call;
  const before = invoiceOf(call);
  if (before.status !== "open") {
    throw invalid("You can only mark open invoices as uncollectible.");
  }
  const after = amend(w.tables.invoices, before, {
    next_payment_attempt: null,
    status: "uncollectible",
    status_transitions: {
      ...before.status_transitions,
      marked_uncollectible_at: nowOf(w, before.test_clock),
    },
  });
  emit(w, "invoice.marked_uncollectible", after, after.test_clock);
  reviveAfter(w, after);
  return after;
}

function remove(call: Call): object {
  const { w } = call;
  const invoice = invoiceOf(call);
  if (invoice.status !== "draft") {
    throw invalid("You can only delete draft invoices.");
  }
  w.tables.invoices.delete(invoice.id);
  for (const item of [...w.tables.invoiceItems.values()].filter(
    (one) => one.invoice === invoice.id,
  )) {
    w.tables.invoiceItems.delete(item.id);
  }
  emit(w, "invoice.deleted", invoice, invoice.test_clock);
  return { id: invoice.id, object: "invoice", deleted: true };
}

function send(call: Call): Invoice {
  const before = invoiceOf(call);
  if (before.status === "draft") {
    finalizeInvoice(call.w, before.id);
  }
  return sendInvoice(call.w, before.id);
}

function addItem(call: Call): object {
  const { w, input } = call;
  const item = createInvoiceItem(w, input);
  const target = text(input, "invoice");
  return target === undefined ? item : intoDraft(w, item.id, target);
}

function intoDraft(w: World, itemId: string, invoiceId: string): object {
  const draft = w.tables.invoices.get(invoiceId);
  const item = need(w.tables.invoiceItems, "invoiceitem", itemId);
  if (draft === undefined) {
    throw missing("invoice", invoiceId, "invoice");
  }
  if (draft.status !== "draft") {
    throw invalid(
      "Invoice items can only be added to draft invoices.",
      "invoice",
      "invoice_not_editable",
    );
  }
  const placed = amend(w.tables.invoiceItems, item, { invoice: draft.id });
  const after = refigure(w, draft, [...draft.lines.data, itemLine(w, placed)]);
  emitChange(w, "invoice.updated", { before: draft, after, clockId: after.test_clock });
  return placed;
}

function addLines(call: Call): Invoice {
  const { w } = call;
  const draft = invoiceOf(call);
  for (const lineInput of hashes(call.input, "lines") ?? []) {
    const hash = new Map(lineInput.hash).set("customer", draft.customer ?? "");
    const source: Input = { hash, path: lineInput.path };
    intoDraft(w, createInvoiceItem(w, source).id, draft.id);
  }
  return invoiceOf(call);
}

function list(call: Call): object {
  return page(
    call,
    call.w.tables.invoices.values(),
    (invoice) =>
      matches(call, "customer", invoice.customer) &&
      matches(call, "status", invoice.status) &&
      matches(call, "collection_method", invoice.collection_method) &&
      matches(call, "subscription", invoice.parent?.subscription_details?.subscription ?? null),
  );
}

function listPayments(call: Call): object {
  const about = nested(call.input, "payment");
  const intent = about === undefined ? undefined : text(about, "payment_intent");
  return page(
    call,
    call.w.tables.invoicePayments.values(),
    (payment) =>
      matches(call, "invoice", payment.invoice) &&
      matches(call, "status", payment.status) &&
      (intent === undefined || payment.payment.payment_intent === intent),
  );
}

export const invoiceRoutes: readonly Route[] = [
  route("POST", "/v1/invoices", "invoiceCreate", create),
  route("GET", "/v1/invoices", "invoiceList", list),
  route("GET", "/v1/invoices/*", [], invoiceOf),
  route("POST", "/v1/invoices/*", "invoiceUpdate", update),
  route("DELETE", "/v1/invoices/*", [], remove),
  route("POST", "/v1/invoices/*/finalize", "invoiceFinalizeInvoice", finalize),
  route("POST", "/v1/invoices/*/pay", "invoicePay", pay),
  route("POST", "/v1/invoices/*/void", "invoiceVoidInvoice", voidInvoice),
  route("POST", "/v1/invoices/*/mark_uncollectible", "invoiceMarkUncollectible", writeOff),
  route("POST", "/v1/invoices/*/send", "invoiceSendInvoice", send),
  route("POST", "/v1/invoices/*/add_lines", "invoiceAddLines", addLines),
  route("GET", "/v1/invoices/*/lines", "invoiceListLineItems", (call) =>
    page(call, invoiceOf(call).lines.data.toReversed()),
  ),
  route("POST", "/v1/invoiceitems", "invoiceItemCreate", addItem),
  route("GET", "/v1/invoice_payments", "invoicePaymentList", listPayments),
  route("GET", "/v1/invoice_payments/*", [], (call) =>
    need(call.w.tables.invoicePayments, "invoice payment", idOf(call)),
  ),
];
