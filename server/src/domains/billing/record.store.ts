import { newId } from "#platform/ids.ts";

import { type Column, type Upsert, upsertInto } from "./columns.ts";
import type { Entry } from "./ledger.store.ts";
import type {
  ChargeSnapshot,
  DisputeSnapshot,
  InvoicePaymentSnapshot,
  InvoiceSnapshot,
  PaymentIntentSnapshot,
  PriceSnapshot,
  ProductSnapshot,
  RefundSnapshot,
  Snapshot,
  SubscriptionSnapshot,
  Tier,
} from "./model.ts";
import { secondsOf, textOf } from "./stamp.core.ts";
import {
  type PastDueHistory,
  amountOf,
  billingCycleOf,
  pastDueSince,
  totalQuantity,
} from "./subscription.core.ts";

export interface Owned {
  readonly id: string;
  organizationId: string;
}

export interface SubscriptionExtra extends Owned {
  /** Of the prices in force; null where none is mapped. */
  tier: Tier | null;
  mappedTier: Tier | null;
  mappedWatermark: string;
  history: PastDueHistory;
}

export interface MoneyExtra {
  readonly id: string;
  organizationId: string | null;
  stripePaymentId: string | null;
}

/** An entry that will be written: it holds a snapshot, parsed. */
export interface Written<S extends Snapshot, Extra> {
  readonly entry: Entry<S, Extra>;
  readonly snapshot: S;
  readonly watermark: string;
  readonly text: string;
  readonly fetchedThrough: number;
}

/** The entries that changed, in the order of their keys. */
export function dirtyOf<S extends Snapshot, Extra>(
  entries: ReadonlyMap<string, Entry<S, Extra>>,
): Written<S, Extra>[] {
  const written: Written<S, Extra>[] = [];
  for (const entry of entries.values()) {
    const { held } = entry;
    if (entry.dirty && held !== null) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by this program as JSON of exactly this type
      const snapshot = held.snapshot ?? (JSON.parse(held.text) as S);
      const { watermark, fetchedThrough } = held;
      written.push({ entry, snapshot, watermark, text: textOf(held), fetchedThrough });
    }
  }
  return written.toSorted((a, b) => (a.entry.key < b.entry.key ? -1 : 1));
}

type Row<S extends Snapshot, Extra> = Written<S, Extra>;

/** What every table of the record has. */
function common<S extends Snapshot & { readonly created: number }, Extra>(
  key: string,
): Column<Row<S, Extra>>[] {
  return [
    { name: "workspace_id", type: "int4", of: (row) => row.entry.workspaceId },
    { name: key, type: "text", of: (row) => row.snapshot.id },
    { name: "watermark", type: "text", of: (row) => row.watermark },
    { name: "fetched_through", type: "int8", of: (row) => row.fetchedThrough },
    { name: "snapshot", type: "text", of: (row) => row.text },
    { name: "source", type: "text", of: (row) => row.entry.source },
    { name: "created_at", type: "seconds", of: (row) => row.snapshot.created },
    { name: "updated_at", type: "seconds", of: (row) => secondsOf(row.watermark) },
  ];
}

function keepLater(table: string): string {
  return `${table}.watermark <= excluded.watermark`;
}

export const writeSubscriptions: Upsert<Row<SubscriptionSnapshot, SubscriptionExtra>> = upsertInto(
  "subscriptions",
  ["workspace_id", "stripe_subscription_id"],
  [
    ...common<SubscriptionSnapshot, SubscriptionExtra>("stripe_subscription_id"),
    { name: "id", type: "text", once: true, of: (row) => row.entry.extra.id },
    { name: "organization_id", type: "text", of: (row) => row.entry.extra.organizationId },
    { name: "stripe_customer_id", type: "text", of: (row) => row.snapshot.customer },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "plan_tier", type: "text", of: (row) => row.entry.extra.tier },
    { name: "mapped_tier", type: "text", of: (row) => row.entry.extra.mappedTier },
    { name: "mapped_watermark", type: "text", of: (row) => row.entry.extra.mappedWatermark },
    { name: "billing_cycle", type: "text", of: ({ snapshot }) => cycleOf(snapshot) },
    { name: "amount_cents", type: "int8", of: (row) => amountOf(row.snapshot.items) },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "quantity", type: "int4", of: (row) => totalQuantity(row.snapshot.items) },
    { name: "current_period_start", type: "seconds", of: (row) => row.snapshot.periodStart },
    { name: "current_period_end", type: "seconds", of: (row) => row.snapshot.periodEnd },
    { name: "cancel_at_period_end", type: "bool", of: (row) => row.snapshot.cancelAtPeriodEnd },
    { name: "cancel_at", type: "seconds", of: (row) => row.snapshot.cancelAt },
    { name: "canceled_at", type: "seconds", of: (row) => row.snapshot.canceledAt },
    { name: "ended_at", type: "seconds", of: (row) => row.snapshot.endedAt },
    { name: "trial_start", type: "seconds", of: (row) => row.snapshot.trialStart },
    { name: "trial_end", type: "seconds", of: (row) => row.snapshot.trialEnd },
    { name: "collection_method", type: "text", of: (row) => row.snapshot.collectionMethod },
    { name: "pause_behavior", type: "text", of: (row) => row.snapshot.pauseBehavior },
    { name: "pause_resumes_at", type: "seconds", of: (row) => row.snapshot.pauseResumesAt },
    { name: "latest_invoice_id", type: "text", of: (row) => row.snapshot.latestInvoice },
    { name: "discounts", type: "json", of: (row) => JSON.stringify(row.snapshot.discounts) },
    {
      name: "past_due_since",
      type: "seconds",
      of: (row) => pastDueSince(row.entry.extra.history, row.snapshot.status),
    },
    {
      name: "settled_watermark",
      type: "text",
      of: (row) => row.entry.extra.history.settledWatermark,
    },
    { name: "past_due_points", type: "text", of: (row) => row.entry.extra.history.points },
    { name: "synced_at", type: "millis", of: (row) => row.entry.syncedAtMs },
  ],
  keepLater("subscriptions"),
);

function cycleOf(snapshot: SubscriptionSnapshot): string {
  const first = snapshot.items[0];
  return first === undefined ? "none" : billingCycleOf(first.interval, first.intervalCount);
}

export const writeInvoices: Upsert<Row<InvoiceSnapshot, Owned>> = upsertInto(
  "invoices",
  ["workspace_id", "stripe_invoice_id"],
  [
    ...common<InvoiceSnapshot, Owned>("stripe_invoice_id"),
    { name: "id", type: "text", once: true, of: (row) => row.entry.extra.id },
    { name: "organization_id", type: "text", of: (row) => row.entry.extra.organizationId },
    { name: "stripe_customer_id", type: "text", of: (row) => row.snapshot.customer },
    { name: "stripe_subscription_id", type: "text", of: (row) => row.snapshot.subscription },
    { name: "number", type: "text", of: (row) => row.snapshot.number },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "total_cents", type: "int8", of: (row) => row.snapshot.totalMinor },
    { name: "amount_due_cents", type: "int8", of: (row) => row.snapshot.amountDueMinor },
    { name: "amount_paid_cents", type: "int8", of: (row) => row.snapshot.amountPaidMinor },
    {
      name: "amount_remaining_cents",
      type: "int8",
      of: (row) => row.snapshot.amountRemainingMinor,
    },
    { name: "tax_cents", type: "int8", of: (row) => row.snapshot.taxMinor },
    { name: "attempt_count", type: "int4", of: (row) => row.snapshot.attemptCount },
    { name: "next_payment_attempt", type: "seconds", of: (row) => row.snapshot.nextPaymentAttempt },
    { name: "billing_reason", type: "text", of: (row) => row.snapshot.billingReason },
    { name: "collection_method", type: "text", of: (row) => row.snapshot.collectionMethod },
    { name: "period_start", type: "seconds", of: (row) => row.snapshot.periodStart },
    { name: "period_end", type: "seconds", of: (row) => row.snapshot.periodEnd },
    { name: "due_at", type: "seconds", of: (row) => row.snapshot.dueAt },
    { name: "finalized_at", type: "seconds", of: (row) => row.snapshot.finalizedAt },
    { name: "paid_at", type: "seconds", of: (row) => row.snapshot.paidAt },
    { name: "voided_at", type: "seconds", of: (row) => row.snapshot.voidedAt },
    { name: "hosted_url", type: "text", of: (row) => row.snapshot.hostedUrl },
    { name: "pdf_url", type: "text", of: (row) => row.snapshot.pdfUrl },
    { name: "stripe_payment_intent_id", type: "text", of: (row) => row.snapshot.paymentIntent },
    { name: "stripe_charge_id", type: "text", of: (row) => row.snapshot.charge },
    { name: "synced_at", type: "millis", of: (row) => row.entry.syncedAtMs },
  ],
  keepLater("invoices"),
);

export const writeCharges: Upsert<Row<ChargeSnapshot, null>> = upsertInto(
  "charges",
  ["workspace_id", "stripe_charge_id"],
  [
    ...common<ChargeSnapshot, null>("stripe_charge_id"),
    {
      name: "stripe_payment_id",
      type: "text",
      of: ({ snapshot }) => snapshot.paymentIntent ?? snapshot.id,
    },
    { name: "stripe_customer_id", type: "text", of: (row) => row.snapshot.customer },
    { name: "stripe_invoice_id", type: "text", of: (row) => row.snapshot.invoice },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "amount_cents", type: "int8", of: (row) => row.snapshot.amountMinor },
    { name: "amount_captured_cents", type: "int8", of: (row) => row.snapshot.amountCapturedMinor },
    { name: "amount_refunded_cents", type: "int8", of: (row) => row.snapshot.amountRefundedMinor },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "captured", type: "bool", of: (row) => row.snapshot.captured },
    { name: "disputed", type: "bool", of: (row) => row.snapshot.disputed },
    { name: "failure_code", type: "text", of: (row) => row.snapshot.failureCode },
    { name: "failure_message", type: "text", of: (row) => row.snapshot.failureMessage },
    { name: "method", type: "text", of: (row) => row.snapshot.method },
  ],
  keepLater("charges"),
);

export const writePaymentIntents: Upsert<Row<PaymentIntentSnapshot, null>> = upsertInto(
  "payment_intents",
  ["workspace_id", "stripe_payment_intent_id"],
  [
    ...common<PaymentIntentSnapshot, null>("stripe_payment_intent_id"),
    { name: "stripe_customer_id", type: "text", of: (row) => row.snapshot.customer },
    { name: "stripe_invoice_id", type: "text", of: (row) => row.snapshot.invoice },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "amount_cents", type: "int8", of: (row) => row.snapshot.amountMinor },
    { name: "amount_received_cents", type: "int8", of: (row) => row.snapshot.amountReceivedMinor },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "canceled_at", type: "seconds", of: (row) => row.snapshot.canceledAt },
    { name: "latest_charge_id", type: "text", of: (row) => row.snapshot.latestCharge },
    { name: "failure_code", type: "text", of: (row) => row.snapshot.failureCode },
    { name: "failure_message", type: "text", of: (row) => row.snapshot.failureMessage },
  ],
  keepLater("payment_intents"),
);

export const writeInvoicePayments: Upsert<Row<InvoicePaymentSnapshot, null>> = upsertInto(
  "invoice_payments",
  ["workspace_id", "stripe_invoice_payment_id"],
  [
    ...common<InvoicePaymentSnapshot, null>("stripe_invoice_payment_id"),
    { name: "stripe_invoice_id", type: "text", of: (row) => row.snapshot.invoice },
    { name: "stripe_payment_id", type: "text", of: (row) => row.snapshot.payment },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "amount_cents", type: "int8", of: (row) => row.snapshot.amountMinor },
  ],
  keepLater("invoice_payments"),
);

export const writeRefunds: Upsert<Row<RefundSnapshot, MoneyExtra>> = upsertInto(
  "refunds",
  ["workspace_id", "stripe_refund_id"],
  [
    ...common<RefundSnapshot, MoneyExtra>("stripe_refund_id"),
    { name: "id", type: "text", once: true, of: (row) => row.entry.extra.id },
    { name: "organization_id", type: "text", of: (row) => row.entry.extra.organizationId },
    { name: "stripe_charge_id", type: "text", of: (row) => row.snapshot.charge },
    { name: "stripe_payment_id", type: "text", of: (row) => row.entry.extra.stripePaymentId },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "amount_cents", type: "int8", of: (row) => row.snapshot.amountMinor },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "reason", type: "text", of: (row) => row.snapshot.reason },
    { name: "failure_reason", type: "text", of: (row) => row.snapshot.failureReason },
    { name: "synced_at", type: "millis", of: (row) => row.entry.syncedAtMs },
  ],
  keepLater("refunds"),
);

export const writeDisputes: Upsert<Row<DisputeSnapshot, MoneyExtra>> = upsertInto(
  "disputes",
  ["workspace_id", "stripe_dispute_id"],
  [
    ...common<DisputeSnapshot, MoneyExtra>("stripe_dispute_id"),
    { name: "id", type: "text", once: true, of: (row) => row.entry.extra.id },
    { name: "organization_id", type: "text", of: (row) => row.entry.extra.organizationId },
    { name: "stripe_charge_id", type: "text", of: (row) => row.snapshot.charge },
    { name: "stripe_payment_id", type: "text", of: (row) => row.entry.extra.stripePaymentId },
    { name: "status", type: "text", of: (row) => row.snapshot.status },
    { name: "amount_cents", type: "int8", of: (row) => row.snapshot.amountMinor },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "reason", type: "text", of: (row) => row.snapshot.reason },
    { name: "evidence_due_at", type: "seconds", of: (row) => row.snapshot.evidenceDueAt },
    { name: "synced_at", type: "millis", of: (row) => row.entry.syncedAtMs },
  ],
  keepLater("disputes"),
);

export const writeProducts: Upsert<Row<ProductSnapshot, null>> = upsertInto(
  "products",
  ["workspace_id", "stripe_product_id"],
  [
    ...common<ProductSnapshot, null>("stripe_product_id"),
    { name: "name", type: "text", of: (row) => row.snapshot.name },
    { name: "active", type: "bool", of: (row) => row.snapshot.active },
    { name: "tier_hint", type: "text", of: (row) => row.snapshot.tierHint },
    { name: "deleted", type: "bool", of: (row) => row.snapshot.deleted },
  ],
  keepLater("products"),
);

export const writePrices: Upsert<Row<PriceSnapshot, null>> = upsertInto(
  "prices",
  ["workspace_id", "stripe_price_id"],
  [
    ...common<PriceSnapshot, null>("stripe_price_id"),
    { name: "stripe_product_id", type: "text", of: (row) => row.snapshot.product },
    { name: "active", type: "bool", of: (row) => row.snapshot.active },
    { name: "nickname", type: "text", of: (row) => row.snapshot.nickname },
    { name: "lookup_key", type: "text", of: (row) => row.snapshot.lookupKey },
    { name: "currency", type: "text", of: (row) => row.snapshot.currency },
    { name: "unit_amount_cents", type: "int8", of: (row) => row.snapshot.unitAmountMinor },
    { name: "recurring_interval", type: "text", of: (row) => row.snapshot.interval },
    { name: "interval_count", type: "int8", of: (row) => row.snapshot.intervalCount },
    { name: "billing_cycle", type: "text", of: (row) => priceCycle(row.snapshot) },
    { name: "tier_hint", type: "text", of: (row) => row.snapshot.tierHint },
    { name: "deleted", type: "bool", of: (row) => row.snapshot.deleted },
  ],
  keepLater("prices"),
);

function priceCycle(price: PriceSnapshot): string | null {
  return price.interval === null ? null : billingCycleOf(price.interval, price.intervalCount ?? 1);
}

export function freshId(kind: "sbn" | "inv" | "pay" | "rfn" | "dsp", at: Date): string {
  return newId(kind, at);
}
