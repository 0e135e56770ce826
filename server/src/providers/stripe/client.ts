import Stripe from "stripe";

import type { ObjectKind, Snapshot, SubscriptionSnapshot } from "#domains/billing/model.ts";
import type { Answer, BillingProvider } from "#domains/billing/ports.ts";
import { type Clock, toUnixSeconds } from "#platform/clock.ts";

import { snapshotFrom } from "./translate/event.ts";
import { ShapeError, cleaned, isJson } from "./translate/shape.ts";

/** The version that we ask in, whatever version the account's endpoints send. */
const API_VERSION = "2026-10-28.endive";

export interface StripeClientOptions {
  readonly apiKey: string;
  /** `https://api.stripe.com`, or the sandbox. */
  readonly apiBase: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
  /** Repeats with the same idempotency key, so a write acts once; 1 unless told. */
  readonly maxNetworkRetries?: number;
}

const TIMEOUT_MS = 8_000;
/** A provider that asks for hours would park a job out of sight. */
const LONGEST_WAIT_MS = 10 * 60_000;
const DEFAULT_WAIT_MS = 5_000;
/** So many calls in a row without an answer, and we stop asking for a while. */
const BREAKER_FAILURES = 5;
const BREAKER_REST_MS = 10_000;
/** A slow provider is not helped by more of us asking at once; the others wait their turn, and the breaker answers for them when it rests. */
const CALLS_AT_ONCE = 8;

/** The official SDK behind billing's port: host from configuration, time-outs, errors told apart. */
export function openStripe(options: StripeClientOptions): BillingProvider {
  const base = new URL(options.apiBase);
  const stripe = new Stripe(options.apiKey, {
    apiVersion: API_VERSION,
    host: base.hostname,
    port: base.port === "" ? (base.protocol === "http:" ? "80" : "443") : base.port,
    protocol: base.protocol === "http:" ? "http" : "https",
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    maxNetworkRetries: options.maxNetworkRetries ?? 1,
    telemetry: false,
  });
  const breaker = openBreaker(options.clock);
  const oneOfFew = openGate(CALLS_AT_ONCE);
  const ask = <T>(kind: "read" | "write", call: () => Promise<T>): Promise<Answer<T>> =>
    oneOfFew(() => breaker(() => answerOf(kind, options.clock, call)));
  return {
    fetch: async (kind, id) => {
      const answer = await ask("read", () => retrieve(stripe, kind, id));
      if (answer.kind === "refused" && answer.status === 404) {
        return { ...gone(options.clock) };
      }
      return translated(answer, (object) => readObject(kind, object));
    },
    cancelSubscription: async (id, wish, { idempotencyKey }) => {
      const answer = await ask("write", () =>
        wish.when === "now"
          ? stripe.subscriptions.cancel(id, { prorate: wish.prorate }, { idempotencyKey })
          : stripe.subscriptions.update(id, { cancel_at_period_end: true }, { idempotencyKey }),
      );
      return translated(answer, readSubscription);
    },
  };
}

function gone(clock: Clock): Extract<Answer<null>, { kind: "done" }> {
  return {
    kind: "done",
    value: null,
    answeredAtSeconds: toUnixSeconds(clock.now()),
    requestId: null,
  };
}

function retrieve(stripe: Stripe, kind: ObjectKind, id: string): Promise<object> {
  switch (kind) {
    case "customer":
      return stripe.customers.retrieve(id);
    case "subscription":
      return stripe.subscriptions.retrieve(id);
    case "invoice":
      return stripe.invoices.retrieve(id);
    case "payment_intent":
      return stripe.paymentIntents.retrieve(id);
    case "charge":
      return stripe.charges.retrieve(id);
    case "refund":
      return stripe.refunds.retrieve(id);
    case "dispute":
      return stripe.disputes.retrieve(id);
    case "invoice_payment":
      return stripe.invoicePayments.retrieve(id);
    case "product":
      return stripe.products.retrieve(id);
    case "price":
      return stripe.prices.retrieve(id);
  }
}

/** A deleted customer or product answers as `{ id, object, deleted: true }`, which is all there is left to know. */
function readObject(kind: ObjectKind, object: object): Snapshot | null {
  const json = cleaned(object);
  if (!isJson(json) || json["deleted"] === true) {
    return null;
  }
  return snapshotFrom(kind, json, "basil", false);
}

function readSubscription(object: object): SubscriptionSnapshot {
  const snapshot = readObject("subscription", object);
  if (snapshot?.kind !== "subscription") {
    throw new ShapeError("object", object);
  }
  return snapshot;
}

function translated<T, U>(answer: Answer<T>, read: (value: T) => U): Answer<U> {
  if (answer.kind !== "done") {
    return answer;
  }
  try {
    return { ...answer, value: read(answer.value) };
  } catch (error) {
    if (error instanceof ShapeError) {
      return {
        kind: "refused",
        status: 200,
        code: "unreadable",
        message: `The provider's answer cannot be read: ${error.message}.`,
      };
    }
    throw error;
  }
}

async function answerOf<T>(
  kind: "read" | "write",
  clock: Clock,
  call: () => Promise<T>,
): Promise<Answer<T>> {
  try {
    const value = await call();
    const headers = headersOf(value);
    const date = Date.parse(headers["date"] ?? "");
    return {
      kind: "done",
      value,
      answeredAtSeconds: Number.isNaN(date) ? toUnixSeconds(clock.now()) : Math.floor(date / 1000),
      requestId: headers["request-id"] ?? null,
    };
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) {
      return classify(kind, error);
    }
    throw error;
  }
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  const response = isJson(value) ? value["lastResponse"] : null;
  const headers = isJson(response) ? response["headers"] : null;
  const found: Record<string, string> = {};
  for (const [name, each] of Object.entries(isJson(headers) ? headers : {})) {
    if (typeof each === "string") {
      found[name.toLowerCase()] = each;
    }
  }
  return found;
}

/** 409 is a lock that somebody else holds at the provider, 429 its limit: neither did anything. */
function classify(kind: "read" | "write", error: Stripe.errors.StripeError): Answer<never> {
  const status = error.statusCode ?? 0;
  const message = error.message.slice(0, 500);
  if (status === 429 || status === 409 || (kind === "read" && (status === 0 || status >= 500))) {
    return { kind: "unavailable", retryAfterMs: waitOf(error), message };
  }
  if (status === 0 && neverSent(error)) {
    return { kind: "unavailable", retryAfterMs: DEFAULT_WAIT_MS, message };
  }
  if (status === 0 || status >= 500) {
    return { kind: "unknown", message };
  }
  return { kind: "refused", status, code: error.code ?? error.type, message };
}

/** No connection was made, so nothing can have happened; anything later may have. */
function neverSent(error: Stripe.errors.StripeError): boolean {
  const cause: unknown = error.detail ?? error.cause;
  const code = isJson(cause) ? cause["code"] : null;
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN";
}

function waitOf(error: Stripe.errors.StripeError): number {
  const asked = Number(error.headers?.["retry-after"]);
  return Number.isFinite(asked) && asked > 0
    ? Math.min(asked * 1000, LONGEST_WAIT_MS)
    : DEFAULT_WAIT_MS;
}

/** After several calls in a row without an answer, answers `unavailable` by itself for a while, then lets calls through again. */
function openBreaker(clock: Clock) {
  let failures = 0;
  let restsUntilMs = 0;
  return async <T>(call: () => Promise<Answer<T>>): Promise<Answer<T>> => {
    const waitMs = restsUntilMs - clock.monotonicMs();
    if (waitMs > 0) {
      return {
        kind: "unavailable",
        retryAfterMs: Math.ceil(waitMs),
        message: "The provider has not answered for a while; no call was made.",
      };
    }
    const answer = await call();
    if (answer.kind === "done" || answer.kind === "refused") {
      failures = 0;
    } else {
      failures += 1;
      if (failures >= BREAKER_FAILURES) {
        failures = 0;
        restsUntilMs = clock.monotonicMs() + BREAKER_REST_MS;
      }
    }
    return answer;
  };
}

/** Lets so many calls run at a time; the others follow in their order. */
function openGate(places: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(call: () => Promise<T>): Promise<T> => {
    if (running < places) {
      running += 1;
    } else {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        next();
      }
    }
  };
}
