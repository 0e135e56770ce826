import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import { choice, int, metadata, text, type Input } from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { bookMovement } from "./balance.ts";
import { emit, emitChange } from "./events.ts";
import { behaviourOf } from "./payment-methods.ts";
import type { Charge, Refund } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

/** Gives money back for `charge` or `payment_intent`, all that is left unless `amount` says less. */
function createRefund(w: World, input: Input): Refund {
  const charge = chargeOf(w, input);
  const left = charge.amount_captured - charge.amount_refunded;
  const amount = int(input, "amount") ?? left;
  if (left <= 0) {
    throw invalid(
      `Charge ${charge.id} has already been refunded.`,
      undefined,
      "charge_already_refunded",
    );
  }
  if (amount > left || amount < 1) {
    throw invalid(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
      "amount",
    );
  }
  if (charge.disputed) {
    throw invalid(
      `The charge ${charge.id} has been charged back; cannot issue a refund.`,
      undefined,
      "charge_disputed",
    );
  }
  const id = newId(w, "re");
  const outcome = behaviourOf(w, charge.payment_method ?? "").refund;
  const booked = bookMovement(w, {
    type: "refund",
    amount: -amount,
    fee: 0,
    currency: charge.currency,
    source: id,
    description: `REFUND FOR CHARGE (${charge.description ?? charge.id})`,
    atOnce: true,
  });
  const refund: Refund = {
    id,
    object: "refund",
    amount,
    balance_transaction: booked.id,
    charge: charge.id,
    created: nowOf(w, null),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: {
        reference: "pending",
        reference_status: "pending",
        reference_type: "acquirer_reference_number",
        type: "refund",
      },
      type: "card",
    },
    metadata: metadata(input),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: choice(input, "reason", ["duplicate", "fraudulent", "requested_by_customer"]) ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: outcome === "pending" ? "pending" : "succeeded",
    transfer_reversal: null,
  };
  w.tables.refunds.set(id, refund);
  const refunded = charge.amount_refunded + amount;
  const after = amend(w.tables.charges, charge, {
    amount_refunded: refunded,
    refunded: refunded >= charge.amount,
  });
  emit(w, "refund.created", refund);
  emitChange(w, "charge.refunded", { before: charge, after });
  if (outcome === "fails") {
    failLater(w, id);
  }
  return refund;
}

function chargeOf(w: World, input: Input): Charge {
  const intentId = text(input, "payment_intent");
  const chargeId = text(input, "charge");
  if (chargeId !== undefined) {
    return need(w.tables.charges, "charge", chargeId, "charge");
  }
  if (intentId === undefined) {
    throw required("charge");
  }
  const intent = need(w.tables.paymentIntents, "payment_intent", intentId, "payment_intent");
  if (intent.latest_charge === null || intent.status !== "succeeded") {
    throw invalid(
      "This PaymentIntent does not have a successful charge to refund.",
      "payment_intent",
    );
  }
  return need(w.tables.charges, "charge", intent.latest_charge);
}

function failLater(w: World, id: string): void {
  w.agenda.add(null, nowOf(w, null) + 2, { do: "fail refund", refund: id });
}

/** The bank sends the money back: the refund failed after it had succeeded. */
export function failRefund(w: World, id: string): void {
  const before = w.tables.refunds.get(id);
  const charge = w.tables.charges.get(before?.charge ?? "");
  if (before?.status !== "succeeded" || charge === undefined) {
    return;
  }
  const after = amend(w.tables.refunds, before, {
    status: "failed",
    failure_reason: "expired_or_canceled_card",
  });
  amend(w.tables.charges, charge, {
    amount_refunded: charge.amount_refunded - after.amount,
    refunded: false,
  });
  emitChange(w, "refund.updated", { before, after });
  emit(w, "refund.failed", after);
  emitChange(w, "charge.refund.updated", { before, after });
}

function update(call: Call): Refund {
  const before = need(call.w.tables.refunds, "refund", idOf(call));
  const after = amend(call.w.tables.refunds, before, {
    metadata: metadata(call.input, before.metadata ?? {}),
  });
  emitChange(call.w, "refund.updated", { before, after });
  emitChange(call.w, "charge.refund.updated", { before, after });
  return after;
}

export const refundRoutes: readonly Route[] = [
  route("POST", "/v1/refunds", "refundCreate", (call) => createRefund(call.w, call.input)),
  route("GET", "/v1/refunds", "refundList", (call) =>
    page(
      call,
      call.w.tables.refunds.values(),
      (refund) =>
        matches(call, "charge", refund.charge) &&
        matches(call, "payment_intent", refund.payment_intent),
    ),
  ),
  route("GET", "/v1/refunds/*", [], (call) => need(call.w.tables.refunds, "refund", idOf(call))),
  route("POST", "/v1/refunds/*", "refundUpdate", update),
];
