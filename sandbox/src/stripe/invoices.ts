import { invalid } from "#sandbox/http/failure.ts";

import { patchCustomer } from "./customers.ts";
import { emit, emitChange } from "./events.ts";
import { itemLine } from "./invoice-lines.ts";
import { activeDiscounts, totalsOf, type Totals } from "./invoice-totals.ts";
import { makeIntent } from "./payment-intents.ts";
import type { Customer, Invoice, InvoiceItem, InvoiceLine, InvoicePayment } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const DAY = 86_400;

export interface InvoiceWish {
  readonly customer: Customer;
  readonly subscription: { readonly id: string; readonly metadata: Record<string, string> } | null;
  readonly currency: string;
  readonly reason: NonNullable<Invoice["billing_reason"]>;
  readonly lines: readonly InvoiceLine[];
  /** Pending invoice items that this invoice takes in. */
  readonly items: readonly InvoiceItem[];
  readonly discounts: readonly string[];
  readonly period: { readonly start: number; readonly end: number };
  readonly collection: "charge_automatically" | "send_invoice";
  readonly daysUntilDue: number | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  readonly autoAdvance: boolean;
  readonly paymentMethod: string | null;
  readonly clockId: string | null;
}

/** A draft; the caller announces invoice.created when the order of events allows. */
export function draftInvoice(w: World, wish: InvoiceWish): Invoice {
  const id = newId(w, "in");
  const now = nowOf(w, wish.clockId);
  const own = [...wish.items.map((item) => itemLine(w, item)), ...wish.lines].map((line) =>
    onInvoice(line, id),
  );
  for (const item of wish.items) {
    amend(w.tables.invoiceItems, item, { invoice: id });
  }
  const discounts = activeDiscounts(w, wish.customer.id, wish.discounts, now);
  const totals = totalsOf(w, own, discounts, wish.customer.balance);
  const invoice: Invoice = {
    ...blankInvoice(w, id, wish),
    ...moneyOf(totals),
    discounts: discounts.map((discount) => discount.id),
    lines: {
      object: "list",
      data: [...totals.lines],
      has_more: false,
      url: `/v1/invoices/${id}/lines`,
    },
  };
  w.tables.invoices.set(id, invoice);
  return invoice;
}

function onInvoice(line: InvoiceLine, invoice: string): InvoiceLine {
  return { ...line, invoice };
}

function moneyOf(totals: Totals): Partial<Invoice> {
  return {
    amount_due: totals.amountDue,
    amount_remaining: totals.amountDue,
    starting_balance: totals.startingBalance,
    subtotal: totals.subtotal,
    subtotal_excluding_tax: totals.subtotal,
    total: totals.total,
    total_discount_amounts: totals.discounts,
    total_excluding_tax: totals.total,
  };
}

function blankInvoice(w: World, id: string, wish: InvoiceWish): Invoice {
  const now = nowOf(w, wish.clockId);
  const { customer, subscription } = wish;
  return {
    id,
    object: "invoice",
    account_country: "US",
    account_name: "Purser sandbox",
    account_tax_ids: null,
    amount_due: 0,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: wish.autoAdvance,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: wish.autoAdvance ? now + w.settings.draftSeconds : null,
    billing_reason: wish.reason,
    collection_method: wish.collection,
    created: now,
    currency: wish.currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address ?? null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    customer_shipping: null,
    customer_tax_exempt: "none",
    customer_tax_ids: [],
    default_payment_method: wish.paymentMethod,
    default_source: null,
    default_tax_rates: [],
    description: wish.description,
    discounts: [],
    due_date: wish.collection === "send_invoice" ? now + (wish.daysUntilDue ?? 30) * DAY : null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    lines: { object: "list", data: [], has_more: false, url: `/v1/invoices/${id}/lines` },
    livemode: false,
    metadata: wish.metadata,
    next_payment_attempt:
      wish.collection === "charge_automatically" && wish.autoAdvance
        ? now + w.settings.draftSeconds
        : null,
    number: null,
    on_behalf_of: null,
    parent:
      subscription === null
        ? null
        : {
            quote_details: null,
            subscription_details: {
              metadata: subscription.metadata,
              subscription: subscription.id,
            },
            type: "subscription_details",
          },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    period_end: wish.period.end,
    period_start: wish.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: "draft",
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: 0,
    subtotal_excluding_tax: 0,
    test_clock: wish.clockId,
    total: 0,
    total_discount_amounts: [],
    total_excluding_tax: 0,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
  };
}

/** Recomputes a draft after its lines or discounts changed. */
export function refigure(w: World, before: Invoice, lines: readonly InvoiceLine[]): Invoice {
  const customer = w.tables.customers.get(before.customer ?? "");
  const discounts = activeDiscounts(
    w,
    before.customer ?? "",
    before.discounts,
    nowOf(w, before.test_clock),
  );
  const bare = lines.map((line) => ({ ...line, invoice: before.id, discount_amounts: [] }));
  const totals = totalsOf(w, bare, discounts, customer?.balance ?? 0);
  return amend(w.tables.invoices, before, {
    ...moneyOf(totals),
    lines: { ...before.lines, data: [...totals.lines] },
  });
}

/** Freezes a draft: number, balance applied, payment intent where money is due; announces invoice.finalized. */
export function finalizeInvoice(w: World, id: string): Invoice {
  const before = w.tables.invoices.get(id);
  if (before?.status !== "draft") {
    throw invalid(
      "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
      undefined,
      "invoice_not_editable",
    );
  }
  const now = nowOf(w, before.test_clock);
  const customer = w.tables.customers.get(before.customer ?? "");
  const sequence = customer?.next_invoice_sequence ?? 1;
  const balance = customer?.balance ?? 0;
  const ending = balance + before.total - before.amount_due;
  const after = amend(w.tables.invoices, before, {
    automatically_finalizes_at: null,
    effective_at: now,
    ending_balance: ending,
    hosted_invoice_url: `${w.baseUrl}/i/${id}`,
    invoice_pdf: `${w.baseUrl}/i/${id}/pdf`,
    number: `${customer?.invoice_prefix ?? "SANDBOX"}-${String(sequence).padStart(4, "0")}`,
    status: "open",
    status_transitions: { ...before.status_transitions, finalized_at: now },
  });
  if (customer !== undefined) {
    patchCustomer(w, customer.id, {
      balance: ending,
      currency: after.currency,
      next_invoice_sequence: sequence + 1,
    });
  }
  emitChange(w, "invoice.finalized", { before, after, clockId: after.test_clock });
  if (after.amount_due > 0) {
    openPayment(w, after);
  }
  return after;
}

function openPayment(w: World, invoice: Invoice): void {
  const now = nowOf(w, invoice.test_clock);
  const intent = makeIntent(w, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    paymentMethod: null,
    description:
      invoice.billing_reason === "subscription_create"
        ? "Subscription creation"
        : `Payment for Invoice ${invoice.number ?? ""}`,
    metadata: {},
    clockId: invoice.test_clock,
  });
  const payment: InvoicePayment = {
    id: newId(w, "inpay"),
    object: "invoice_payment",
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent.id, type: "payment_intent" },
    status: "open",
    status_transitions: { canceled_at: null, paid_at: null },
  };
  w.tables.invoicePayments.set(payment.id, payment);
  w.secrets.paymentOfInvoice.set(invoice.id, payment.id);
  w.secrets.invoiceOfIntent.set(intent.id, invoice.id);
}

/** The payment that an open invoice waits for. */
export function paymentOf(w: World, invoiceId: string): InvoicePayment | undefined {
  return w.tables.invoicePayments.get(w.secrets.paymentOfInvoice.get(invoiceId) ?? "");
}

/** Marks an invoice paid and announces invoice.paid and invoice.payment_succeeded. */
export function markPaid(w: World, before: Invoice, paid: number): Invoice {
  const now = nowOf(w, before.test_clock);
  const after = amend(w.tables.invoices, before, {
    amount_paid: paid,
    amount_remaining: 0,
    attempt_count: before.attempt_count + (paid > 0 ? 1 : 0),
    attempted: true,
    next_payment_attempt: null,
    status: "paid",
    status_transitions: { ...before.status_transitions, paid_at: now },
  });
  const payment = paymentOf(w, after.id);
  emitChange(w, "invoice.updated", { before, after, clockId: after.test_clock });
  emit(w, "invoice.paid", after, after.test_clock);
  emit(w, "invoice.payment_succeeded", after, after.test_clock);
  if (payment?.status === "open" && paid > 0) {
    const settled = amend(w.tables.invoicePayments, payment, {
      amount_paid: paid,
      status: "paid",
      status_transitions: { canceled_at: null, paid_at: now },
    });
    emit(w, "invoice_payment.paid", settled, after.test_clock);
  }
  return after;
}
