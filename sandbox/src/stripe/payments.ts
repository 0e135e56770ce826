import { invalid } from "#sandbox/http/failure.ts";

import { attemptCharge, settleCharge } from "./charges.ts";
import { emit } from "./events.ts";
import { behaviourOf } from "./payment-methods.ts";
import type { PaymentIntent } from "./shapes.ts";
import type { Decline } from "./test-cards.ts";
import { amend, type DebitPurpose, type World } from "./world.ts";

/** How long a bank debit stays pending here, in seconds; a few days at Stripe. */
const DEBIT_SECONDS = 2;

export interface Confirmation {
  /** The customer is not there, so a card that wants authentication is declined. */
  readonly offSession: boolean;
  readonly clockId?: string | null;
  /** The customer has just authenticated. */
  readonly authenticated?: boolean;
  /** What hears how a bank debit went in the end. */
  readonly settles?: DebitPurpose;
}

export interface Confirmed {
  readonly intent: PaymentIntent;
  readonly decline: Decline | undefined;
}

const NEEDS_AUTHENTICATION: Decline = {
  code: "authentication_required",
  declineCode: "authentication_required",
  message: "Your card was declined. This transaction requires authentication.",
};

/** Whether an intent can still change. */
export function isLive(intent: PaymentIntent): boolean {
  return intent.status !== "succeeded" && intent.status !== "canceled";
}

/** Tries to pay, in Stripe's order of events: the charge's outcome first, then the intent's. */
export function confirmIntent(w: World, before: PaymentIntent, how: Confirmation): Confirmed {
  const method = before.payment_method;
  if (method === null) {
    throw invalid("A payment method is required to confirm.", "payment_method");
  }
  const behaviour = behaviourOf(w, method);
  const clockId = how.clockId ?? null;
  if (behaviour.authentication === true && how.authenticated !== true) {
    return how.offSession
      ? refuse(w, before, NEEDS_AUTHENTICATION, clockId)
      : askForAction(w, before, clockId);
  }
  const { charge, decline } = attemptCharge(w, {
    amount: before.amount,
    currency: before.currency,
    customer: before.customer,
    paymentMethod: method,
    paymentIntent: before.id,
    description: before.description,
    metadata: before.metadata,
    shipping: before.shipping,
    capture: before.capture_method !== "manual",
    clockId,
  });
  const tried = amend(w.tables.paymentIntents, before, {
    latest_charge: charge.id,
    next_action: null,
  });
  if (decline !== undefined) {
    return refuse(w, tried, decline, clockId);
  }
  if (charge.status === "pending") {
    return { intent: wait(w, tried, how), decline: undefined };
  }
  return { intent: succeed(w, tried, clockId), decline: undefined };
}

function succeed(w: World, before: PaymentIntent, clockId: string | null): PaymentIntent {
  const manual = before.capture_method === "manual";
  const after = amend(w.tables.paymentIntents, before, {
    amount_capturable: manual ? before.amount : 0,
    amount_received: manual ? 0 : before.amount,
    last_payment_error: null,
    processing: null,
    status: manual ? "requires_capture" : "succeeded",
  });
  emit(
    w,
    manual ? "payment_intent.amount_capturable_updated" : "payment_intent.succeeded",
    after,
    clockId,
  );
  return after;
}

function refuse(
  w: World,
  before: PaymentIntent,
  decline: Decline,
  clockId: string | null,
): Confirmed {
  const method =
    before.payment_method === null ? undefined : w.tables.paymentMethods.get(before.payment_method);
  const code = decline.code;
  const after = amend(w.tables.paymentIntents, before, {
    last_payment_error: {
      ...(before.latest_charge === null ? {} : { charge: before.latest_charge }),
      code: knownCode(code),
      ...(decline.declineCode === undefined ? {} : { decline_code: decline.declineCode }),
      doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`,
      message: decline.message,
      ...(method === undefined ? {} : { payment_method: method }),
      type: "card_error",
    },
    payment_method: null,
    status: "requires_payment_method",
  });
  emit(w, "payment_intent.payment_failed", after, clockId);
  return { intent: after, decline };
}

type ErrorCode = NonNullable<NonNullable<PaymentIntent["last_payment_error"]>["code"]>;
const CODES = [
  "authentication_required",
  "card_declined",
  "expired_card",
  "incorrect_cvc",
  "processing_error",
] as const;

function knownCode(code: string): ErrorCode {
  return CODES.find((known) => known === code) ?? "card_declined";
}

function askForAction(w: World, before: PaymentIntent, clockId: string | null): Confirmed {
  const after = amend(w.tables.paymentIntents, before, {
    next_action: {
      type: "use_stripe_sdk",
      use_stripe_sdk: {
        type: "three_d_secure_redirect",
        stripe_js: `${w.baseUrl}/3ds/${before.id}`,
      },
    },
    status: "requires_action",
  });
  emit(w, "payment_intent.requires_action", after, clockId);
  return { intent: after, decline: undefined };
}

function wait(w: World, before: PaymentIntent, how: Confirmation): PaymentIntent {
  const clockId = how.clockId ?? null;
  const after = amend(w.tables.paymentIntents, before, { status: "processing" });
  emit(w, "payment_intent.processing", after, clockId);
  w.agenda.add(null, Math.floor(w.clock.now() / 1000) + DEBIT_SECONDS, {
    do: "settle debit",
    intent: before.id,
    succeeds: behaviourOf(w, before.payment_method ?? "").delayed === "succeeds",
    clockId,
    purpose: how.settles ?? null,
  });
  return after;
}

/** A bank debit came through or did not; undefined when the intent no longer waits for it. */
export function settleDebit(
  w: World,
  debit: { readonly intent: string; readonly succeeds: boolean; readonly clockId: string | null },
): PaymentIntent | undefined {
  const { succeeds, clockId } = debit;
  const intent = w.tables.paymentIntents.get(debit.intent);
  const charge = w.tables.charges.get(intent?.latest_charge ?? "");
  if (intent?.status !== "processing" || charge === undefined) {
    return undefined;
  }
  settleCharge(w, charge, succeeds, clockId);
  return succeeds
    ? succeed(w, intent, clockId)
    : refuse(
        w,
        intent,
        {
          code: "payment_intent_payment_attempt_failed",
          declineCode: undefined,
          message: "The payment failed.",
        },
        clockId,
      ).intent;
}
