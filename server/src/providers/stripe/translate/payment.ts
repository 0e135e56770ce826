import type {
  ChargeSnapshot,
  DisputeSnapshot,
  InvoicePaymentSnapshot,
  PaymentIntentSnapshot,
  RefundSnapshot,
} from "#domains/billing/model.ts";

import {
  type Json,
  ShapeError,
  bool,
  int,
  intOrNull,
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

/** @throws ShapeError */
export function paymentIntentFrom(object: Json): PaymentIntentSnapshot {
  const failure = maybeObj(object, "last_payment_error");
  return {
    kind: "payment_intent",
    id: str(object, "id"),
    customer: refOrNull(object, "customer"),
    status: str(object, "status"),
    amountMinor: int(object, "amount"),
    amountReceivedMinor: int(object, "amount_received"),
    currency: str(object, "currency"),
    created: int(object, "created"),
    canceledAt: intOrNull(object, "canceled_at"),
    latestCharge: looseRef(object, "latest_charge"),
    invoice: looseRef(object, "invoice"),
    failureCode:
      failure === null ? null : (looseStr(failure, "decline_code") ?? looseStr(failure, "code")),
    failureMessage: failure === null ? null : looseStr(failure, "message"),
  };
}

/** @throws ShapeError */
export function chargeFrom(object: Json): ChargeSnapshot {
  const outcome = maybeObj(object, "outcome");
  const method = maybeObj(object, "payment_method_details");
  const card = method === null ? null : maybeObj(method, "card");
  const failureCode = strOrNull(object, "failure_code");
  return {
    kind: "charge",
    id: str(object, "id"),
    customer: refOrNull(object, "customer"),
    paymentIntent: refOrNull(object, "payment_intent"),
    invoice: looseRef(object, "invoice"),
    status: str(object, "status"),
    amountMinor: int(object, "amount"),
    amountCapturedMinor: int(object, "amount_captured"),
    amountRefundedMinor: int(object, "amount_refunded"),
    currency: str(object, "currency"),
    created: int(object, "created"),
    captured: bool(object, "captured"),
    disputed: bool(object, "disputed"),
    // The issuer's reason says more than the bare `card_declined`.
    failureCode:
      failureCode === null || outcome === null
        ? failureCode
        : (looseStr(outcome, "reason") ?? failureCode),
    failureMessage: strOrNull(object, "failure_message"),
    method: methodOf(method, card),
  };
}

function methodOf(method: Json | null, card: Json | null): string | null {
  if (method === null) {
    return null;
  }
  const brand = card === null ? null : looseStr(card, "brand");
  const last4 = card === null ? null : looseStr(card, "last4");
  return brand === null || last4 === null ? looseStr(method, "type") : `${brand} ${last4}`;
}

/** @throws ShapeError */
export function refundFrom(object: Json): RefundSnapshot {
  return {
    kind: "refund",
    id: str(object, "id"),
    charge: refOrNull(object, "charge"),
    paymentIntent: refOrNull(object, "payment_intent"),
    status: strOrNull(object, "status") ?? "pending",
    amountMinor: int(object, "amount"),
    currency: str(object, "currency"),
    reason: strOrNull(object, "reason"),
    created: int(object, "created"),
    failureReason: looseStr(object, "failure_reason"),
  };
}

/** @throws ShapeError */
export function disputeFrom(object: Json): DisputeSnapshot {
  return {
    kind: "dispute",
    id: str(object, "id"),
    charge: ref(object, "charge"),
    paymentIntent: looseRef(object, "payment_intent"),
    status: str(object, "status"),
    amountMinor: int(object, "amount"),
    currency: str(object, "currency"),
    reason: str(object, "reason"),
    created: int(object, "created"),
    evidenceDueAt: looseInt(obj(object, "evidence_details"), "due_by"),
  };
}

/** @throws ShapeError */
export function invoicePaymentFrom(object: Json): InvoicePaymentSnapshot {
  const payment = obj(object, "payment");
  const id = looseRef(payment, "payment_intent") ?? looseRef(payment, "charge");
  if (id === null) {
    throw new ShapeError("payment.payment_intent", null);
  }
  return {
    kind: "invoice_payment",
    id: str(object, "id"),
    invoice: ref(object, "invoice"),
    payment: id,
    status: str(object, "status"),
    amountMinor: looseInt(object, "amount_paid") ?? 0,
    created: int(object, "created"),
  };
}
