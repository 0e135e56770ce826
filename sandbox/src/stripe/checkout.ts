import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import { formOf } from "#sandbox/http/form.ts";
import {
  bool,
  choice,
  hashes,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  texts,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { wantedDiscounts } from "./coupons.ts";
import { createCustomer } from "./customers.ts";
import { emit } from "./events.ts";
import { makeIntent } from "./payment-intents.ts";
import {
  attachPaymentMethod,
  behaviourOf,
  cardError,
  resolvePaymentMethod,
} from "./payment-methods.ts";
import { confirmIntent } from "./payments.ts";
import { createPrice } from "./prices.ts";
import { confirmSetup, makeSetupIntent } from "./setup-intents.ts";
import type { CheckoutLine, CheckoutSession, Price } from "./shapes.ts";
import { createSubscription } from "./subscriptions.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const DAY = 86_400;

function lineOf(w: World, input: Input): CheckoutLine {
  const inline = nested(input, "price_data");
  const price: Price =
    inline === undefined
      ? need(w.tables.prices, "price", needText(input, "price"), "line_items[0][price]")
      : createPrice(w, inline);
  const quantity = int(input, "quantity") ?? 1;
  const amount = (price.unit_amount ?? 0) * quantity;
  return {
    id: newId(w, "li"),
    object: "item",
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: price.currency,
    description: w.tables.products.get(price.product)?.name ?? null,
    metadata: {},
    price,
    quantity,
  };
}

function create(call: Call): CheckoutSession {
  const { w, input } = call;
  const lines = (hashes(input, "line_items") ?? []).map((line) => lineOf(w, line));
  const mode = choice(input, "mode", ["payment", "setup", "subscription"]) ?? "payment";
  if (lines.length === 0 && mode !== "setup") {
    throw required("line_items");
  }
  const customer = text(input, "customer") ?? null;
  if (customer !== null) {
    need(w.tables.customers, "customer", customer, "customer");
  }
  const id = newId(w, "cs");
  const total = lines.reduce((sum, line) => sum + line.amount_total, 0);
  const subscriptionData = nested(input, "subscription_data");
  const intentData = nested(input, "payment_intent_data");
  const session: CheckoutSession = {
    ...blank(w, id, nowOf(w, null)),
    amount_subtotal: mode === "setup" ? null : total,
    amount_total: mode === "setup" ? null : total,
    allow_promotion_codes: bool(input, "allow_promotion_codes") ?? null,
    cancel_url: nullable(input, "cancel_url") ?? null,
    client_reference_id: nullable(input, "client_reference_id") ?? null,
    currency: lines[0]?.currency ?? text(input, "currency") ?? null,
    customer,
    customer_creation: mode === "payment" ? "if_required" : "always",
    customer_email: nullable(input, "customer_email") ?? null,
    expires_at: int(input, "expires_at") ?? nowOf(w, null) + DAY,
    metadata: metadata(input),
    mode,
    payment_method_collection: mode === "subscription" ? "always" : "if_required",
    payment_method_types: [...(texts(input, "payment_method_types") ?? ["card"])],
    payment_status: mode === "setup" ? "no_payment_required" : "unpaid",
    success_url: nullable(input, "success_url") ?? null,
    url: `${w.baseUrl}/c/pay/${id}`,
  };
  w.tables.checkoutSessions.set(id, session);
  w.secrets.checkoutLines.set(id, lines);
  w.secrets.checkoutPlans.set(id, {
    trialDays:
      subscriptionData === undefined ? undefined : int(subscriptionData, "trial_period_days"),
    subscriptionMetadata: subscriptionData === undefined ? {} : metadata(subscriptionData),
    intentMetadata: intentData === undefined ? {} : metadata(intentData),
    couponIds: (wantedDiscounts(w, input) ?? []).map((wish) => wish.coupon),
  });
  w.agenda.add(null, session.expires_at, { do: "expire checkout", session: id });
  return session;
}

function blank(w: World, id: string, created: number): CheckoutSession {
  return {
    id,
    object: "checkout.session",
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    amount_subtotal: null,
    amount_total: null,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: null,
    client_reference_id: null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created,
    currency: null,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: null,
    customer_account: null,
    customer_creation: null,
    customer_details: null,
    customer_email: null,
    discounts: [],
    expires_at: created + DAY,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: null,
    managed_payments: null,
    metadata: {},
    mode: "payment",
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_status: "unpaid",
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: "open",
    submit_type: null,
    subscription: null,
    success_url: null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: "hosted_page",
    url: `${w.baseUrl}/c/pay/${id}`,
    wallet_options: null,
  };
}

/** The customer pays: makes the customer, the payment or the subscription, and announces completion. */
export function completeSession(
  w: World,
  id: string,
  methodId: string,
  email?: string,
): CheckoutSession {
  const before = need(w.tables.checkoutSessions, "checkout.session", id);
  if (before.status !== "open") {
    throw invalid(`This Checkout Session is ${before.status ?? "closed"}.`);
  }
  const method = resolvePaymentMethod(w, methodId);
  const address = before.customer_email ?? email ?? method.billing_details.email;
  const customer =
    before.customer ??
    (before.mode === "payment"
      ? null
      : createCustomer(w, { hash: formOf({ email: address ?? "" }), path: "" }).id);
  const outcome = carryOut(w, { ...before, customer }, method.id);
  const processing = behaviourOf(w, method.id).delayed !== undefined;
  const after = amend(w.tables.checkoutSessions, before, {
    ...outcome,
    customer,
    customer_details: {
      address: null,
      business_name: null,
      email: address ?? null,
      individual_name: null,
      name: method.billing_details.name,
      phone: null,
      tax_exempt: "none",
      tax_ids: [],
    },
    payment_status:
      before.mode === "setup" ? "no_payment_required" : processing ? "unpaid" : "paid",
    status: "complete",
    url: null,
  });
  emit(w, "checkout.session.completed", after);
  return after;
}

function carryOut(w: World, session: CheckoutSession, method: string): Partial<CheckoutSession> {
  const plan = w.secrets.checkoutPlans.get(session.id);
  switch (session.mode) {
    case "setup": {
      const intent = makeSetupIntent(w, {
        customer: session.customer,
        paymentMethod: method,
        description: null,
        metadata: {},
        types: ["card"],
        usage: "off_session",
      });
      confirmSetup(w, intent);
      return { setup_intent: intent.id };
    }
    case "subscription": {
      attachPaymentMethod(w, method, session.customer ?? "");
      const subscription = createSubscription(w, {
        hash: formOf({
          customer: session.customer ?? "",
          default_payment_method: method,
          payment_behavior: "error_if_incomplete",
          items: (w.secrets.checkoutLines.get(session.id) ?? []).map((line) => ({
            price: line.price?.id ?? "",
            quantity: line.quantity ?? 1,
          })),
          metadata: plan?.subscriptionMetadata ?? {},
          discounts: (plan?.couponIds ?? []).map((coupon) => ({ coupon })),
          trial_period_days: plan?.trialDays,
        }),
        path: "",
      });
      return { subscription: subscription.id, invoice: subscription.latest_invoice };
    }
    default:
      return { payment_intent: payNow(w, session, method, plan?.intentMetadata ?? {}) };
  }
}

function payNow(
  w: World,
  session: CheckoutSession,
  method: string,
  extra: Record<string, string>,
): string {
  const intent = makeIntent(w, {
    amount: session.amount_total ?? 0,
    currency: session.currency ?? "usd",
    customer: session.customer,
    paymentMethod: method,
    description: null,
    metadata: extra,
    clockId: null,
  });
  const { decline } = confirmIntent(w, intent, {
    offSession: false,
    authenticated: true,
    settles: { kind: "checkout", id: session.id },
  });
  if (decline !== undefined) {
    throw cardError(decline);
  }
  return intent.id;
}

/** A session's bank debit came through or did not. */
export function settleSession(w: World, id: string, succeeded: boolean): void {
  const before = w.tables.checkoutSessions.get(id);
  if (before !== undefined) {
    const after = amend(w.tables.checkoutSessions, before, {
      payment_status: succeeded ? "paid" : "unpaid",
    });
    emit(
      w,
      succeeded
        ? "checkout.session.async_payment_succeeded"
        : "checkout.session.async_payment_failed",
      after,
    );
  }
}

/** Nobody paid in time. */
export function expireOpenSession(w: World, id: string): void {
  if (w.tables.checkoutSessions.get(id)?.status === "open") {
    expireSession(w, id);
  }
}

function expireSession(w: World, id: string): CheckoutSession {
  const before = need(w.tables.checkoutSessions, "checkout.session", id);
  if (before.status !== "open") {
    throw invalid('Only Checkout Sessions with a status in ["open"] can be expired.');
  }
  const after = amend(w.tables.checkoutSessions, before, { status: "expired", url: null });
  emit(w, "checkout.session.expired", after);
  return after;
}

export const checkoutRoutes: readonly Route[] = [
  route("POST", "/v1/checkout/sessions", "checkoutSessionCreate", create),
  route("GET", "/v1/checkout/sessions", "checkoutSessionList", (call) =>
    page(
      call,
      call.w.tables.checkoutSessions.values(),
      (session) =>
        matches(call, "customer", session.customer) &&
        matches(call, "status", session.status) &&
        matches(call, "subscription", session.subscription),
    ),
  ),
  route("GET", "/v1/checkout/sessions/*", [], (call) =>
    need(call.w.tables.checkoutSessions, "checkout.session", idOf(call)),
  ),
  route("POST", "/v1/checkout/sessions/*/expire", "checkoutSessionExpire", (call) =>
    expireSession(call.w, idOf(call)),
  ),
  route("GET", "/v1/checkout/sessions/*/line_items", "checkoutSessionListLineItems", (call) =>
    page(call, (call.w.secrets.checkoutLines.get(idOf(call)) ?? []).toReversed()),
  ),
  // What Stripe's own pages and the CLI use to look at a session and to pay it.
  route("GET", "/v1/payment_pages/*", ["key", "eid"], (call) =>
    need(call.w.tables.checkoutSessions, "checkout.session", idOf(call)),
  ),
  route(
    "POST",
    "/v1/payment_pages/*/confirm",
    ["payment_method", "expected_amount", "key", "eid"],
    (call) => completeSession(call.w, idOf(call), needText(call.input, "payment_method")),
  ),
];
