import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { has, metadata, nullable } from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { bookMovement, cardFee } from "./balance.ts";
import { openDispute } from "./disputes.ts";
import { emit, emitChange } from "./events.ts";
import { behaviourOf } from "./payment-methods.ts";
import type { Charge } from "./shapes.ts";
import type { CardBehaviour, Decline } from "./test-cards.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

export interface ChargeWish {
  readonly amount: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly paymentMethod: string;
  readonly paymentIntent: string | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  readonly shipping: Charge["shipping"];
  readonly capture: boolean;
  readonly clockId: string | null;
}

/** Tries the card. The charge exists either way; `decline` says why it failed; announces charge.succeeded or .failed. */
export function attemptCharge(
  w: World,
  wish: ChargeWish,
): { charge: Charge; decline: Decline | undefined } {
  const behaviour = behaviourOf(w, wish.paymentMethod);
  const decline = behaviour.chargeDecline;
  const pending = behaviour.delayed !== undefined;
  const id = newId(w, pending ? "py" : "ch");
  const captured = wish.capture && decline === undefined && !pending;
  const charge: Charge = {
    ...blankCharge(w, id, wish),
    amount_captured: captured ? wish.amount : 0,
    balance_transaction: captured ? bookCharge(w, id, wish, behaviour) : null,
    captured,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    outcome: outcomeOf(decline),
    paid: decline === undefined && !pending,
    payment_method_details: detailsOf(w, wish.paymentMethod, wish.amount),
    receipt_url: decline === undefined ? `${w.baseUrl}/receipts/${id}` : null,
    status: statusOf(decline, pending),
  };
  w.tables.charges.set(id, charge);
  emit(w, eventFor(decline, pending), charge, wish.clockId);
  if (behaviour.dispute !== undefined && captured) {
    openDispute(w, charge, behaviour.dispute);
  }
  return { charge, decline };
}

function statusOf(
  decline: Decline | undefined,
  pending: boolean,
): "failed" | "pending" | "succeeded" {
  if (decline !== undefined) {
    return "failed";
  }
  return pending ? "pending" : "succeeded";
}

function eventFor(
  decline: Decline | undefined,
  pending: boolean,
): "charge.failed" | "charge.pending" | "charge.succeeded" {
  if (decline !== undefined) {
    return "charge.failed";
  }
  return pending ? "charge.pending" : "charge.succeeded";
}

function bookCharge(
  w: World,
  id: string,
  wish: { amount: number; currency: string; description: string | null },
  behaviour: CardBehaviour,
): string {
  return bookMovement(w, {
    type: behaviour.funding === "bank" ? "payment" : "charge",
    amount: wish.amount,
    fee: cardFee(wish.amount),
    currency: wish.currency,
    source: id,
    description: wish.description,
    atOnce: behaviour.bypassPending === true,
  }).id;
}

function blankCharge(w: World, id: string, wish: ChargeWish): Charge {
  const customer = wish.customer === null ? undefined : w.tables.customers.get(wish.customer);
  return {
    id,
    object: "charge",
    amount: wish.amount,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: {
      address: {
        city: null,
        country: null,
        line1: null,
        line2: null,
        postal_code: null,
        state: null,
      },
      email: customer?.email ?? null,
      name: customer?.name ?? null,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: "SANDBOX",
    captured: false,
    created: nowOf(w, wish.clockId),
    currency: wish.currency,
    customer: wish.customer,
    description: wish.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: wish.metadata,
    on_behalf_of: null,
    outcome: null,
    paid: false,
    payment_intent: wish.paymentIntent,
    payment_method: wish.paymentMethod,
    payment_method_details: null,
    radar_options: {},
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: wish.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: "pending",
    transfer_data: null,
    transfer_group: null,
  };
}

function outcomeOf(decline: Decline | undefined): Charge["outcome"] {
  const failed = decline !== undefined;
  return {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: failed ? "declined_by_network" : "approved_by_network",
    reason: failed ? (decline.declineCode ?? decline.code) : null,
    risk_level: "normal",
    risk_score: 12,
    seller_message: failed
      ? "The bank did not return any further details with this decline."
      : "Payment complete.",
    type: failed ? "issuer_declined" : "authorized",
  };
}

function detailsOf(
  w: World,
  paymentMethod: string,
  amount: number,
): Charge["payment_method_details"] {
  const behaviour = behaviourOf(w, paymentMethod);
  if (behaviour.brand === "sepa_debit") {
    return {
      type: "sepa_debit",
      sepa_debit: {
        bank_code: "19043",
        branch_code: "",
        country: "AT",
        fingerprint: `Fpsepa${behaviour.last4}`,
        last4: behaviour.last4,
        mandate: null,
      },
    };
  }
  return {
    type: "card",
    card: {
      amount_authorized: amount,
      authorization_code: null,
      brand: behaviour.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
      country: "US",
      electronic_commerce_indicator: null,
      exp_month: 12,
      exp_year: 2034,
      fingerprint: `Fp${behaviour.brand}${behaviour.last4}`,
      funding: behaviour.funding,
      installments: null,
      last4: behaviour.last4,
      mandate: null,
      network: behaviour.brand,
      network_transaction_id: null,
      regulated_status: "unregulated",
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}

/** Takes authorized money; announces charge.captured. */
export function captureCharge(
  w: World,
  charge: Charge,
  amount: number,
  clockId: string | null,
): Charge {
  const behaviour = behaviourOf(w, charge.payment_method ?? "");
  const after = amend(w.tables.charges, charge, {
    amount_captured: amount,
    captured: true,
    balance_transaction: bookCharge(w, charge.id, { ...charge, amount }, behaviour),
  });
  emitChange(w, "charge.captured", { before: charge, after, clockId });
  return after;
}

/** Settles a pending bank debit one way or the other. */
export function settleCharge(
  w: World,
  charge: Charge,
  succeeded: boolean,
  clockId: string | null,
): Charge {
  const behaviour = behaviourOf(w, charge.payment_method ?? "");
  const after = amend(w.tables.charges, charge, {
    status: succeeded ? "succeeded" : "failed",
    paid: succeeded,
    captured: succeeded,
    amount_captured: succeeded ? charge.amount : 0,
    balance_transaction: succeeded ? bookCharge(w, charge.id, charge, behaviour) : null,
    failure_code: succeeded ? null : "payment_intent_payment_attempt_failed",
    failure_message: succeeded ? null : "The payment failed.",
  });
  emit(w, succeeded ? "charge.succeeded" : "charge.failed", after, clockId);
  return after;
}

function update(call: Call): Charge {
  const before = need(call.w.tables.charges, "charge", idOf(call));
  const after = amend(call.w.tables.charges, before, {
    description: has(call.input, "description")
      ? (nullable(call.input, "description") ?? null)
      : before.description,
    metadata: metadata(call.input, before.metadata),
    receipt_email: nullable(call.input, "receipt_email") ?? before.receipt_email,
  });
  emitChange(call.w, "charge.updated", { before, after });
  return after;
}

export const chargeRoutes: readonly Route[] = [
  route("GET", "/v1/charges", "chargeList", (call) =>
    page(
      call,
      call.w.tables.charges.values(),
      (charge) =>
        matches(call, "customer", charge.customer) &&
        matches(call, "payment_intent", charge.payment_intent),
    ),
  ),
  route("GET", "/v1/charges/*", [], (call) => need(call.w.tables.charges, "charge", idOf(call))),
  route("POST", "/v1/charges/*", "chargeUpdate", update),
];
