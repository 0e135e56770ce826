import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { missing, required, StripeFailure } from "#sandbox/http/failure.ts";
import {
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { addressOf } from "./addresses.ts";
import { emit, emitChange } from "./events.ts";
import type { Card, PaymentMethod } from "./shapes.ts";
import {
  bankDebit,
  namedCard,
  numberedCard,
  type CardBehaviour,
  type Decline,
} from "./test-cards.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

/** The 402 that a refused card gives. */
export function cardError(
  decline: Decline,
  extra: Partial<StripeFailure["detail"]> = {},
): StripeFailure {
  return new StripeFailure({
    status: 402,
    type: "card_error",
    code: decline.code,
    message: decline.message,
    ...(decline.declineCode === undefined ? {} : { decline_code: decline.declineCode }),
    ...extra,
  });
}

/** Makes a payment method that behaves so; not attached to anyone. */
function makePaymentMethod(w: World, behaviour: CardBehaviour, input?: Input): PaymentMethod {
  const details = input === undefined ? undefined : nested(input, "billing_details");
  const bank = behaviour.brand === "sepa_debit";
  const method: PaymentMethod = {
    id: newId(w, "pm"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: {
      address: details === undefined ? null : addressOf(details),
      email: details === undefined ? null : (nullable(details, "email") ?? null),
      name: details === undefined ? null : (nullable(details, "name") ?? null),
      phone: details === undefined ? null : (nullable(details, "phone") ?? null),
      tax_id: null,
    },
    created: nowOf(w, null),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: input === undefined ? {} : metadata(input),
    type: bank ? "sepa_debit" : "card",
    ...(bank ? { sepa_debit: bankPart(behaviour) } : { card: cardPart(behaviour) }),
  };
  w.tables.paymentMethods.set(method.id, method);
  w.secrets.behaviours.set(method.id, behaviour);
  return method;
}

function cardPart(behaviour: CardBehaviour): NonNullable<PaymentMethod["card"]> {
  return {
    brand: behaviour.brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
    country: "US",
    display_brand: behaviour.brand,
    exp_month: 12,
    exp_year: 2034,
    fingerprint: `Fp${behaviour.brand}${behaviour.last4}`,
    funding: behaviour.funding,
    generated_from: null,
    last4: behaviour.last4,
    networks: { available: [behaviour.brand], preferred: null },
    regulated_status: "unregulated",
    three_d_secure_usage: { supported: true },
    wallet: null,
  };
}

function bankPart(behaviour: CardBehaviour): NonNullable<PaymentMethod["sepa_debit"]> {
  return {
    bank_code: "19043",
    branch_code: "",
    country: "AT",
    fingerprint: `Fpsepa${behaviour.last4}`,
    generated_from: { charge: null, setup_attempt: null },
    last4: behaviour.last4,
  };
}

/** Makes a payment method from a request's `type` and its details. */
export function createPaymentMethod(w: World, input: Input): PaymentMethod {
  const type = needText(input, "type");
  const details = nested(input, type);
  if (type === "sepa_debit") {
    return makePaymentMethod(
      w,
      bankDebit(details === undefined ? "" : needText(details, "iban")),
      input,
    );
  }
  if (details === undefined) {
    throw required("card");
  }
  const token = text(details, "token");
  if (token !== undefined) {
    return makePaymentMethod(w, behaviourOfToken(token, "card[token]"), input);
  }
  return makePaymentMethod(w, numberedCard(needText(details, "number")), input);
}

function behaviourOfToken(token: string, param: string): CardBehaviour {
  const behaviour = namedCard(token);
  if (behaviour === undefined) {
    throw missing("token", token, param);
  }
  return behaviour;
}

/** The payment method a request means: an existing one, or a fresh one where a test id (`pm_card_visa`) is named. */
export function resolvePaymentMethod(
  w: World,
  id: string,
  param = "payment_method",
): PaymentMethod {
  const known = w.tables.paymentMethods.get(id);
  if (known !== undefined) {
    return known;
  }
  const behaviour = namedCard(id);
  if (behaviour === undefined) {
    throw missing("PaymentMethod", id, param);
  }
  return makePaymentMethod(w, behaviour);
}

/** Attaches to a customer; refused for cards that do not even validate. Announces payment_method.attached. */
export function attachPaymentMethod(w: World, id: string, customerId: string): PaymentMethod {
  const before = resolvePaymentMethod(w, id);
  if (before.customer === customerId) {
    return before;
  }
  const refusal = behaviourOf(w, before.id).attachDecline;
  if (refusal !== undefined) {
    throw cardError(refusal);
  }
  const customer = need(w.tables.customers, "customer", customerId, "customer");
  const after = amend(w.tables.paymentMethods, before, { customer: customerId });
  emit(w, "payment_method.attached", after, customer.test_clock ?? null);
  return after;
}

/** How a payment method or card behaves. */
export function behaviourOf(w: World, id: string): CardBehaviour {
  return w.secrets.behaviours.get(id) ?? { brand: "visa", last4: "4242", funding: "credit" };
}

function detach(call: Call): PaymentMethod {
  const before = need(call.w.tables.paymentMethods, "PaymentMethod", idOf(call));
  const after = amend(call.w.tables.paymentMethods, before, { customer: null });
  emitChange(call.w, "payment_method.detached", { before, after });
  return after;
}

function update(call: Call): PaymentMethod {
  const { w, input } = call;
  const before = need(w.tables.paymentMethods, "PaymentMethod", idOf(call));
  const card = nested(input, "card");
  const after = amend(w.tables.paymentMethods, before, {
    metadata: metadata(input, before.metadata ?? {}),
    ...(card !== undefined && before.card !== undefined
      ? {
          card: {
            ...before.card,
            exp_month: int(card, "exp_month") ?? before.card.exp_month,
            exp_year: int(card, "exp_year") ?? before.card.exp_year,
          },
        }
      : {}),
  });
  emitChange(w, "payment_method.updated", { before, after });
  return after;
}

/** Makes a card (the older kind of payment source) of a test token for a customer. */
export function createCard(w: World, token: string, customer: string): Card {
  const behaviour = behaviourOfToken(token, "source");
  if (behaviour.attachDecline !== undefined) {
    throw cardError(behaviour.attachDecline);
  }
  const card: Card = {
    id: newId(w, "card"),
    object: "card",
    address_city: null,
    address_country: null,
    address_line1: null,
    address_line1_check: null,
    address_line2: null,
    address_state: null,
    address_zip: null,
    address_zip_check: null,
    brand: behaviour.brand === "visa" ? "Visa" : "MasterCard",
    country: "US",
    customer,
    cvc_check: null,
    dynamic_last4: null,
    exp_month: 12,
    exp_year: 2034,
    fingerprint: `Fp${behaviour.brand}${behaviour.last4}`,
    funding: behaviour.funding,
    last4: behaviour.last4,
    metadata: {},
    name: null,
    regulated_status: "unregulated",
    tokenization_method: null,
  };
  w.tables.cards.set(card.id, card);
  w.secrets.behaviours.set(card.id, behaviour);
  return card;
}

export const paymentMethodRoutes: readonly Route[] = [
  route("POST", "/v1/payment_methods", "paymentMethodCreate", (call) =>
    createPaymentMethod(call.w, call.input),
  ),
  route("GET", "/v1/payment_methods", "paymentMethodList", (call) =>
    page(
      call,
      call.w.tables.paymentMethods.values(),
      (method) =>
        method.customer !== null &&
        matches(call, "customer", method.customer) &&
        matches(call, "type", method.type),
    ),
  ),
  route("GET", "/v1/payment_methods/*", [], (call) => resolvePaymentMethod(call.w, idOf(call))),
  route("POST", "/v1/payment_methods/*", "paymentMethodUpdate", update),
  route("POST", "/v1/payment_methods/*/attach", "paymentMethodAttach", (call) =>
    attachPaymentMethod(call.w, idOf(call), needText(call.input, "customer")),
  ),
  route("POST", "/v1/payment_methods/*/detach", "paymentMethodDetach", detach),
];
