import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import { bool, choice, metadata, nullable, text, texts } from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit } from "./events.ts";
import {
  attachPaymentMethod,
  behaviourOf,
  cardError,
  resolvePaymentMethod,
} from "./payment-methods.ts";
import type { SetupIntent } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

export interface SetupWish {
  readonly customer: string | null;
  readonly paymentMethod: string | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  readonly types: readonly string[];
  readonly usage: string;
}

/** A setup intent before confirmation; announces setup_intent.created. */
export function makeSetupIntent(w: World, wish: SetupWish): SetupIntent {
  const id = newId(w, "seti");
  const intent: SetupIntent = {
    id,
    object: "setup_intent",
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${w.random.token(28)}`,
    created: nowOf(w, null),
    customer: wish.customer,
    customer_account: null,
    description: wish.description,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    metadata: wish.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: wish.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { mandate_options: null, network: null, request_three_d_secure: "automatic" },
    },
    payment_method_types: [...wish.types],
    single_use_mandate: null,
    status: wish.paymentMethod === null ? "requires_payment_method" : "requires_confirmation",
    usage: wish.usage,
  };
  w.tables.setupIntents.set(id, intent);
  emit(w, "setup_intent.created", intent);
  return intent;
}

function create(call: Call): SetupIntent {
  const { w, input } = call;
  const method = text(input, "payment_method");
  const customer = text(input, "customer") ?? null;
  if (customer !== null) {
    need(w.tables.customers, "customer", customer, "customer");
  }
  const intent = makeSetupIntent(w, {
    customer,
    paymentMethod: method === undefined ? null : resolvePaymentMethod(w, method).id,
    description: nullable(input, "description") ?? null,
    metadata: metadata(input),
    types: texts(input, "payment_method_types") ?? ["card"],
    usage: text(input, "usage") ?? "off_session",
  });
  return bool(input, "confirm") === true ? confirmSetup(w, intent) : intent;
}

/** Sets a card up; refused cards give 402, cards that want authentication wait for the customer. */
export function confirmSetup(w: World, before: SetupIntent): SetupIntent {
  const id = before.payment_method;
  if (id === null) {
    throw invalid(
      "You cannot confirm this SetupIntent because it's missing a payment method.",
      "payment_method",
    );
  }
  const behaviour = behaviourOf(w, id);
  const refusal = behaviour.attachDecline;
  if (refusal !== undefined) {
    const failed = amend(w.tables.setupIntents, before, {
      last_setup_error: { code: "card_declined", message: refusal.message, type: "card_error" },
      payment_method: null,
      status: "requires_payment_method",
    });
    emit(w, "setup_intent.setup_failed", failed);
    throw cardError(refusal, { attached: { name: "setup_intent", id: failed.id } });
  }
  if (behaviour.authentication === true) {
    const waiting = amend(w.tables.setupIntents, before, {
      next_action: { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect" } },
      status: "requires_action",
    });
    emit(w, "setup_intent.requires_action", waiting);
    return waiting;
  }
  if (before.customer !== null) {
    attachPaymentMethod(w, id, before.customer);
  }
  const after = amend(w.tables.setupIntents, before, { status: "succeeded" });
  emit(w, "setup_intent.succeeded", after);
  return after;
}

function confirm(call: Call): SetupIntent {
  const before = need(call.w.tables.setupIntents, "setupintent", idOf(call));
  const method = text(call.input, "payment_method");
  return confirmSetup(
    call.w,
    method === undefined
      ? before
      : amend(call.w.tables.setupIntents, before, {
          payment_method: resolvePaymentMethod(call.w, method).id,
        }),
  );
}

function cancel(call: Call): SetupIntent {
  const before = need(call.w.tables.setupIntents, "setupintent", idOf(call));
  if (before.status === "succeeded" || before.status === "canceled") {
    throw invalid(
      `You cannot cancel this SetupIntent because it has a status of ${before.status}.`,
      undefined,
      "setup_intent_unexpected_state",
    );
  }
  const after = amend(call.w.tables.setupIntents, before, {
    cancellation_reason:
      choice(call.input, "cancellation_reason", [
        "abandoned",
        "duplicate",
        "requested_by_customer",
      ]) ?? null,
    status: "canceled",
  });
  emit(call.w, "setup_intent.canceled", after);
  return after;
}

function update(call: Call): SetupIntent {
  const before = need(call.w.tables.setupIntents, "setupintent", idOf(call));
  return amend(call.w.tables.setupIntents, before, {
    description: nullable(call.input, "description") ?? before.description,
    metadata: metadata(call.input, before.metadata ?? {}),
  });
}

export const setupIntentRoutes: readonly Route[] = [
  route("POST", "/v1/setup_intents", "setupIntentCreate", create),
  route("GET", "/v1/setup_intents", "setupIntentList", (call) =>
    page(call, call.w.tables.setupIntents.values(), (intent) =>
      matches(call, "customer", intent.customer),
    ),
  ),
  route("GET", "/v1/setup_intents/*", ["client_secret"], (call) =>
    need(call.w.tables.setupIntents, "setupintent", idOf(call)),
  ),
  route("POST", "/v1/setup_intents/*", "setupIntentUpdate", update),
  route("POST", "/v1/setup_intents/*/confirm", "setupIntentConfirm", confirm),
  route("POST", "/v1/setup_intents/*/cancel", "setupIntentCancel", cancel),
];
