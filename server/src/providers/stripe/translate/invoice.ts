import { INVOICE_STATUSES, type InvoiceSnapshot } from "#domains/billing/model.ts";

import {
  type Json,
  ShapeError,
  int,
  intOrNull,
  isJson,
  looseInt,
  looseRef,
  looseStr,
  maybeObj,
  obj,
  ref,
  refOrNull,
  str,
  strOrNull,
} from "./shape.ts";
import type { Generation } from "./version.ts";

function statusOf(object: Json, deleted: boolean): InvoiceSnapshot["status"] {
  if (deleted) {
    return "deleted";
  }
  // Until it is finalized for the first time, old versions say null.
  const value = strOrNull(object, "status") ?? "draft";
  const status = INVOICE_STATUSES.find((each) => each === value);
  if (status === undefined) {
    throw new ShapeError(`status ${value.slice(0, 40)}`, value);
  }
  return status;
}

/** Stripe's invoice, of either generation. @throws ShapeError */
export function invoiceFrom(
  object: Json,
  generation: Generation,
  deleted: boolean,
): InvoiceSnapshot {
  const transitions = obj(object, "status_transitions");
  const classic = generation === "classic";
  return {
    kind: "invoice",
    id: str(object, "id"),
    customer: ref(object, "customer"),
    subscription: classic ? refOrNull(object, "subscription") : subscriptionInParent(object),
    status: statusOf(object, deleted),
    number: looseStr(object, "number"),
    currency: str(object, "currency"),
    totalMinor: int(object, "total"),
    amountDueMinor: int(object, "amount_due"),
    amountPaidMinor: int(object, "amount_paid"),
    amountRemainingMinor: int(object, "amount_remaining"),
    taxMinor: taxOf(object, classic),
    created: int(object, "created"),
    periodStart: int(object, "period_start"),
    periodEnd: int(object, "period_end"),
    dueAt: intOrNull(object, "due_date"),
    paidAt: intOrNull(transitions, "paid_at"),
    finalizedAt: intOrNull(transitions, "finalized_at"),
    voidedAt: intOrNull(transitions, "voided_at"),
    attemptCount: int(object, "attempt_count"),
    nextPaymentAttempt: intOrNull(object, "next_payment_attempt"),
    billingReason: looseStr(object, "billing_reason"),
    collectionMethod: looseStr(object, "collection_method"),
    hostedUrl: looseStr(object, "hosted_invoice_url"),
    pdfUrl: looseStr(object, "invoice_pdf"),
    paymentIntent: classic ? looseRef(object, "payment_intent") : null,
    charge: classic ? looseRef(object, "charge") : null,
  };
}

/** Since Basil: `parent.subscription_details.subscription`; a one-off invoice has no parent. */
function subscriptionInParent(object: Json): string | null {
  if (object["parent"] === null) {
    return null;
  }
  const details = maybeObj(obj(object, "parent"), "subscription_details");
  return details === null ? null : ref(details, "subscription");
}

function taxOf(object: Json, classic: boolean): number {
  if (classic) {
    return looseInt(object, "tax") ?? 0;
  }
  const taxes = object["total_taxes"];
  if (taxes === null || taxes === undefined) {
    return 0;
  }
  if (!Array.isArray(taxes)) {
    throw new ShapeError("total_taxes", taxes);
  }
  return taxes.reduce<number>(
    (sum, tax: unknown) => sum + (isJson(tax) ? int(tax, "amount") : 0),
    0,
  );
}
