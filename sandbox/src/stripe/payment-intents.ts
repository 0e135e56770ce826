import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  int,
  metadata,
  needInt,
  needText,
  nested,
  nullable,
  text,
  texts,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { shippingOf } from "./addresses.ts";
import { captureCharge } from "./charges.ts";
import { emit } from "./events.ts";
import {
  attachPaymentMethod,
  cardError,
  createPaymentMethod,
  resolvePaymentMethod,
} from "./payment-methods.ts";
import { confirmIntent, isLive } from "./payments.ts";
import type { PaymentIntent } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const METHODS = ["card", "link"];

export interface IntentWish {
  readonly amount: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly paymentMethod: string | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  readonly clockId: string | null;
}

/** A payment intent before any attempt; announces payment_intent.created. */
export function makeIntent(
  w: World,
  wish: IntentWish,
  extra: Partial<PaymentIntent> = {},
): PaymentIntent {
  const id = newId(w, "pi");
  const intent: PaymentIntent = {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: wish.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic_async",
    client_secret: `${id}_secret_${w.random.token(24)}`,
    confirmation_method: "automatic",
    created: nowOf(w, wish.clockId),
    currency: wish.currency,
    customer: wish.customer,
    customer_account: null,
    description: wish.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: wish.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: wish.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: {
        installments: null,
        mandate_options: null,
        network: null,
        request_three_d_secure: "automatic",
      },
    },
    payment_method_types: METHODS,
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: wish.paymentMethod === null ? "requires_payment_method" : "requires_confirmation",
    transfer_data: null,
    transfer_group: null,
    ...extra,
  };
  w.tables.paymentIntents.set(id, intent);
  emit(w, "payment_intent.created", intent, wish.clockId);
  return intent;
}

function methodOf(w: World, input: Input): string | null | undefined {
  const inline = nested(input, "payment_method_data");
  if (inline !== undefined) {
    return createPaymentMethod(w, inline).id;
  }
  const id = nullable(input, "payment_method");
  return typeof id === "string" ? resolvePaymentMethod(w, id).id : id;
}

function create(call: Call): PaymentIntent {
  const { w, input } = call;
  const amount = needInt(input, "amount");
  if (amount < 1) {
    throw invalid(
      "This value must be greater than or equal to 1.",
      "amount",
      "parameter_invalid_integer",
    );
  }
  const customer = text(input, "customer") ?? null;
  const clockId =
    customer === null
      ? null
      : (need(w.tables.customers, "customer", customer, "customer").test_clock ?? null);
  const automatic = nested(input, "automatic_payment_methods");
  const intent = makeIntent(
    w,
    {
      amount,
      currency: needText(input, "currency").toLowerCase(),
      customer,
      paymentMethod: methodOf(w, input) ?? null,
      description: nullable(input, "description") ?? null,
      metadata: metadata(input),
      clockId,
    },
    {
      automatic_payment_methods:
        automatic === undefined ? null : { enabled: bool(automatic, "enabled") ?? true },
      capture_method:
        choice(input, "capture_method", ["automatic", "automatic_async", "manual"]) ??
        "automatic_async",
      confirmation_method:
        choice(input, "confirmation_method", ["automatic", "manual"]) ?? "automatic",
      payment_method_types: [...(texts(input, "payment_method_types") ?? METHODS)],
      receipt_email: nullable(input, "receipt_email") ?? null,
      setup_future_usage:
        choice(input, "setup_future_usage", ["off_session", "on_session"]) ?? null,
      shipping: shippingOf(input),
      statement_descriptor: nullable(input, "statement_descriptor") ?? null,
    },
  );
  return bool(input, "confirm") === true
    ? confirmed(w, intent, bool(input, "off_session") ?? false)
    : intent;
}

/** Confirms and turns a decline into Stripe's 402. */
function confirmed(w: World, intent: PaymentIntent, offSession: boolean): PaymentIntent {
  const { intent: after, decline } = confirmIntent(w, intent, { offSession });
  if (decline !== undefined) {
    throw cardError(decline, {
      ...(after.latest_charge === null ? {} : { charge: after.latest_charge }),
      attached: { name: "payment_intent", id: after.id },
    });
  }
  if (
    after.status === "succeeded" &&
    after.setup_future_usage !== null &&
    after.customer !== null
  ) {
    attachPaymentMethod(w, after.payment_method ?? "", after.customer);
  }
  return after;
}

function confirm(call: Call): PaymentIntent {
  const { w, input } = call;
  const before = need(w.tables.paymentIntents, "payment_intent", idOf(call));
  if (
    !["requires_action", "requires_confirmation", "requires_payment_method"].includes(before.status)
  ) {
    throw unexpected(before, "confirm");
  }
  const method = methodOf(w, input) ?? before.payment_method;
  if (method === null) {
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      undefined,
      "payment_intent_unexpected_state",
    );
  }
  return confirmed(
    w,
    amend(w.tables.paymentIntents, before, { payment_method: method }),
    bool(input, "off_session") ?? false,
  );
}

function unexpected(intent: PaymentIntent, verb: string): Error {
  return invalid(
    `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}.`,
    undefined,
    "payment_intent_unexpected_state",
  );
}

function update(call: Call): PaymentIntent {
  const { w, input } = call;
  const before = need(w.tables.paymentIntents, "payment_intent", idOf(call));
  const method = methodOf(w, input);
  return amend(w.tables.paymentIntents, before, {
    amount: int(input, "amount") ?? before.amount,
    customer: text(input, "customer") ?? before.customer,
    description: nullable(input, "description") ?? before.description,
    metadata: metadata(input, before.metadata),
    payment_method: method === undefined ? before.payment_method : method,
    status:
      typeof method === "string" && before.status === "requires_payment_method"
        ? "requires_confirmation"
        : before.status,
  });
}

function capture(call: Call): PaymentIntent {
  const { w, input } = call;
  const before = need(w.tables.paymentIntents, "payment_intent", idOf(call));
  if (before.status !== "requires_capture" || before.latest_charge === null) {
    throw unexpected(before, "capture");
  }
  const amount = int(input, "amount_to_capture") ?? before.amount_capturable;
  if (amount > before.amount_capturable) {
    throw invalid(
      "The payment intent could not be captured because the amount is greater than the authorized one.",
      "amount_to_capture",
      "amount_too_large",
    );
  }
  captureCharge(w, need(w.tables.charges, "charge", before.latest_charge), amount, null);
  const after = amend(w.tables.paymentIntents, before, {
    amount_capturable: 0,
    amount_received: amount,
    status: "succeeded",
  });
  emit(w, "payment_intent.succeeded", after);
  return after;
}

/** Cancels an intent that has not come to an end. */
export function cancelIntent(
  w: World,
  id: string,
  reason: PaymentIntent["cancellation_reason"],
): PaymentIntent {
  const before = need(w.tables.paymentIntents, "payment_intent", id);
  if (!isLive(before)) {
    throw unexpected(before, "cancel");
  }
  const after = amend(w.tables.paymentIntents, before, {
    amount_capturable: 0,
    canceled_at: nowOf(w, null),
    cancellation_reason: reason,
    next_action: null,
    status: "canceled",
  });
  emit(w, "payment_intent.canceled", after);
  return after;
}

const CANCEL_REASONS = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;

export const paymentIntentRoutes: readonly Route[] = [
  route("POST", "/v1/payment_intents", "paymentIntentCreate", create),
  route("GET", "/v1/payment_intents", "paymentIntentList", (call) =>
    page(call, call.w.tables.paymentIntents.values(), (intent) =>
      matches(call, "customer", intent.customer),
    ),
  ),
  route("GET", "/v1/payment_intents/*", ["client_secret"], (call) =>
    need(call.w.tables.paymentIntents, "payment_intent", idOf(call), "intent"),
  ),
  route("POST", "/v1/payment_intents/*", "paymentIntentUpdate", update),
  route("POST", "/v1/payment_intents/*/confirm", "paymentIntentConfirm", confirm),
  route("POST", "/v1/payment_intents/*/capture", "paymentIntentCapture", capture),
  route("POST", "/v1/payment_intents/*/cancel", "paymentIntentCancel", (call) =>
    cancelIntent(
      call.w,
      idOf(call),
      choice(call.input, "cancellation_reason", CANCEL_REASONS) ?? null,
    ),
  ),
];
