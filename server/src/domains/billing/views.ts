import type { z } from "zod";

import type {
  CustomerRow,
  InvoiceRow,
  PaymentRow,
  RecordEvent,
  SubscriptionDetail,
  SubscriptionRow,
  disputeRow,
  refundRow,
} from "./contract.ts";
import { SUBSCRIPTION_STATUSES } from "./model.ts";
import { parseTier } from "./tier.core.ts";

/** Columns of a row as node-postgres gives them: text, numbers, booleans, Date, parsed JSON, null. */
export type Raw = Readonly<Record<string, unknown>>;

export function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

export function text(raw: Raw, column: string): string {
  const value = raw[column];
  return typeof value === "string" ? value : "";
}
export function textOrNull(raw: Raw, column: string): string | null {
  const value = raw[column];
  return typeof value === "string" ? value : null;
}
export function count(raw: Raw, column: string): number {
  return Number(raw[column] ?? 0);
}
export function instantOf(raw: Raw, column: string): string {
  return instantOrNull(raw, column) ?? "";
}
export function instantOrNull(raw: Raw, column: string): string | null {
  const value = raw[column];
  return value instanceof Date ? value.toISOString() : null;
}
function moneyOf(raw: Raw, column: string) {
  return { minor: count(raw, column), currency: text(raw, "currency") };
}
export function moneyOrNull(raw: Raw, column: string) {
  return isAbsent(raw[column]) ? null : moneyOf(raw, column);
}

function statusOf(value: unknown) {
  return SUBSCRIPTION_STATUSES.find((status) => status === value) ?? null;
}

export function customerView(raw: Raw): CustomerRow {
  const ids = raw["customer_ids"];
  return {
    id: text(raw, "id"),
    name: text(raw, "name"),
    email: textOrNull(raw, "email"),
    externalId: textOrNull(raw, "external_id"),
    tier: parseTier(raw["plan_tier"]) ?? "free",
    locked: !isAbsent(raw["locked_at"]),
    placeholder: raw["is_placeholder"] === true,
    stripeCustomerIds: Array.isArray(ids) ? ids.map(String) : [],
    subscriptionStatus: statusOf(raw["subscription_status"]),
    createdAt: instantOf(raw, "created_at"),
  };
}

export function subscriptionView(raw: Raw): SubscriptionRow {
  const discounts = raw["discounts"];
  return {
    id: text(raw, "id"),
    stripeSubscriptionId: text(raw, "stripe_subscription_id"),
    stripeCustomerId: text(raw, "stripe_customer_id"),
    organizationId: text(raw, "organization_id"),
    organizationName: text(raw, "organization_name"),
    status: statusOf(raw["status"]) ?? "incomplete",
    tier: parseTier(raw["plan_tier"]),
    billingCycle: text(raw, "billing_cycle"),
    amount: moneyOrNull(raw, "amount_cents"),
    quantity: count(raw, "quantity"),
    currentPeriodStart: instantOf(raw, "current_period_start"),
    currentPeriodEnd: instantOf(raw, "current_period_end"),
    cancelAtPeriodEnd: raw["cancel_at_period_end"] === true,
    cancelAt: instantOrNull(raw, "cancel_at"),
    canceledAt: instantOrNull(raw, "canceled_at"),
    endedAt: instantOrNull(raw, "ended_at"),
    trialEnd: instantOrNull(raw, "trial_end"),
    pastDueSince: instantOrNull(raw, "past_due_since"),
    paused: !isAbsent(raw["pause_behavior"]) || raw["status"] === "paused",
    discounts: Array.isArray(discounts)
      ? discounts.map((each: Raw) => ({ id: text(each, "id"), coupon: textOrNull(each, "coupon") }))
      : [],
    createdAt: instantOf(raw, "created_at"),
    updatedAt: instantOf(raw, "updated_at"),
  };
}

export function subscriptionDetailView(raw: Raw, events: RecordEvent[]): SubscriptionDetail {
  const parsed: unknown = JSON.parse(text(raw, "snapshot"));
  const items = isRaw(parsed) && Array.isArray(parsed["items"]) ? parsed["items"] : [];
  const behavior = textOrNull(raw, "pause_behavior");
  return {
    ...subscriptionView(raw),
    items: items.filter(isRaw).map((item) => ({
      id: text(item, "id"),
      priceId: text(item, "price"),
      productId: textOrNull(item, "product"),
      quantity: typeof item["quantity"] === "number" ? item["quantity"] : null,
      unitAmount: moneyOrNull(item, "unitAmountMinor"),
      interval: text(item, "interval"),
      intervalCount: count(item, "intervalCount"),
      // With one item the row's tier is the item's, staff's mapping included.
      tier: parseTier(items.length === 1 ? raw["plan_tier"] : item["tierHint"]),
    })),
    trialStart: instantOrNull(raw, "trial_start"),
    latestInvoiceId: textOrNull(raw, "latest_invoice_id"),
    collectionMethod: text(raw, "collection_method"),
    pause:
      behavior === null ? null : { behavior, resumesAt: instantOrNull(raw, "pause_resumes_at") },
    source: text(raw, "source"),
    events,
  };
}

const INVOICE_STATUSES = ["draft", "open", "uncollectible", "paid", "void", "deleted"] as const;

export function invoiceView(raw: Raw): InvoiceRow {
  return {
    id: text(raw, "id"),
    stripeInvoiceId: text(raw, "stripe_invoice_id"),
    stripeSubscriptionId: textOrNull(raw, "stripe_subscription_id"),
    organizationId: text(raw, "organization_id"),
    organizationName: text(raw, "organization_name"),
    number: textOrNull(raw, "number"),
    status: INVOICE_STATUSES.find((status) => status === raw["status"]) ?? "draft",
    total: moneyOf(raw, "total_cents"),
    amountDue: moneyOf(raw, "amount_due_cents"),
    amountPaid: moneyOf(raw, "amount_paid_cents"),
    amountRemaining: moneyOf(raw, "amount_remaining_cents"),
    periodStart: instantOf(raw, "period_start"),
    periodEnd: instantOf(raw, "period_end"),
    dueAt: instantOrNull(raw, "due_at"),
    paidAt: instantOrNull(raw, "paid_at"),
    attemptCount: count(raw, "attempt_count"),
    nextPaymentAttempt: instantOrNull(raw, "next_payment_attempt"),
    hostedUrl: textOrNull(raw, "hosted_url"),
    createdAt: instantOf(raw, "created_at"),
    updatedAt: instantOf(raw, "updated_at"),
  };
}

export function paymentView(raw: Raw): PaymentRow {
  const charges = raw["charge_ids"];
  return {
    id: text(raw, "id"),
    stripePaymentId: text(raw, "stripe_payment_id"),
    organizationId: textOrNull(raw, "organization_id"),
    organizationName: textOrNull(raw, "organization_name"),
    stripeInvoiceId: textOrNull(raw, "stripe_invoice_id"),
    status: text(raw, "status"),
    amount: moneyOf(raw, "amount_cents"),
    amountRefunded: moneyOf(raw, "amount_refunded_cents"),
    disputed: raw["disputed"] === true,
    failureCode: textOrNull(raw, "failure_code"),
    failureMessage: textOrNull(raw, "failure_message"),
    method: textOrNull(raw, "method"),
    charges: Array.isArray(charges) ? charges.map(String) : [],
    createdAt: instantOf(raw, "created_at"),
    updatedAt: instantOf(raw, "updated_at"),
  };
}

export function refundView(raw: Raw): z.infer<typeof refundRow> {
  return {
    id: text(raw, "id"),
    stripeRefundId: text(raw, "stripe_refund_id"),
    stripePaymentId: textOrNull(raw, "stripe_payment_id"),
    stripeChargeId: textOrNull(raw, "stripe_charge_id"),
    organizationId: textOrNull(raw, "organization_id"),
    status: text(raw, "status"),
    amount: moneyOf(raw, "amount_cents"),
    reason: textOrNull(raw, "reason"),
    createdAt: instantOf(raw, "created_at"),
  };
}

export function disputeView(raw: Raw): z.infer<typeof disputeRow> {
  return {
    id: text(raw, "id"),
    stripeDisputeId: text(raw, "stripe_dispute_id"),
    stripeChargeId: text(raw, "stripe_charge_id"),
    organizationId: textOrNull(raw, "organization_id"),
    status: text(raw, "status"),
    amount: moneyOf(raw, "amount_cents"),
    reason: text(raw, "reason"),
    evidenceDueAt: instantOrNull(raw, "evidence_due_at"),
    createdAt: instantOf(raw, "created_at"),
  };
}

const FATES = ["applied", "superseded", "waiting", "quarantined", "failed"] as const;

export function eventView(raw: Raw): RecordEvent {
  const data = raw["data"];
  const detail: Raw = isRaw(data) ? data : {};
  return {
    eventId: text(raw, "stripe_event_id"),
    eventType: text(raw, "event_type"),
    objectId: text(raw, "object_id"),
    occurredAt: instantOf(raw, "occurred_at"),
    receivedAt: instantOf(raw, "created_at"),
    processedAt: instantOrNull(raw, "processed_at"),
    fate: FATES.find((fate) => fate === raw["fate"]) ?? "failed",
    reason: textOrNull(raw, "processing_error") ?? textOrNull(detail, "reason"),
    changed: changedOf(detail["changed"]),
  };
}

export function isRaw(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function changedOf(value: unknown): Record<string, [unknown, unknown]> {
  const changed: Record<string, [unknown, unknown]> = {};
  if (isRaw(value)) {
    for (const [field, pair] of Object.entries(value)) {
      if (Array.isArray(pair)) {
        changed[field] = [pair[0] ?? null, pair[1] ?? null];
      }
    }
  }
  return changed;
}
