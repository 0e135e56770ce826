import { createAgenda, type Agenda } from "#sandbox/agenda.ts";
import type { Clock } from "#sandbox/clock.ts";
import { createRandom, type Random } from "#sandbox/random.ts";

import type * as Shape from "./shapes.ts";
import type { CardBehaviour } from "./test-cards.ts";

/** The API version of the simulated account: what requests without Stripe-Version and unversioned endpoints get. */
export const API_VERSION = "2026-10-28.endive";

/** Every object by id, in order of creation. Objects are never changed in place, so an event can keep what it saw. */
export interface Tables {
  readonly customers: Map<string, Shape.Customer>;
  readonly products: Map<string, Shape.Product>;
  readonly prices: Map<string, Shape.Price>;
  readonly paymentMethods: Map<string, Shape.PaymentMethod>;
  readonly cards: Map<string, Shape.Card>;
  readonly setupIntents: Map<string, Shape.SetupIntent>;
  readonly paymentIntents: Map<string, Shape.PaymentIntent>;
  readonly charges: Map<string, Shape.Charge>;
  readonly refunds: Map<string, Shape.Refund>;
  readonly disputes: Map<string, Shape.Dispute>;
  readonly coupons: Map<string, Shape.Coupon>;
  readonly promotionCodes: Map<string, Shape.PromotionCode>;
  readonly discounts: Map<string, Shape.Discount>;
  readonly taxRates: Map<string, Shape.TaxRate>;
  readonly invoices: Map<string, Shape.Invoice>;
  readonly invoiceItems: Map<string, Shape.InvoiceItem>;
  readonly invoicePayments: Map<string, Shape.InvoicePayment>;
  readonly subscriptions: Map<string, Shape.Subscription>;
  readonly webhookEndpoints: Map<string, Shape.WebhookEndpoint>;
  readonly checkoutSessions: Map<string, Shape.CheckoutSession>;
  readonly portalSessions: Map<string, Shape.PortalSession>;
  readonly portalConfigurations: Map<string, Shape.PortalConfiguration>;
  readonly balanceTransactions: Map<string, Shape.BalanceTransaction>;
  readonly payouts: Map<string, Shape.Payout>;
  readonly testClocks: Map<string, Shape.TestClock>;
  readonly creditNotes: Map<string, Shape.CreditNote>;
}

/** What is known about objects beside their public members. */
export interface Secrets {
  /** Payment method or card -> how it behaves. */
  readonly behaviours: Map<string, CardBehaviour>;
  /** Webhook endpoint -> signing secret. */
  readonly endpointSecrets: Map<string, string>;
  /** Checkout session -> its lines. */
  readonly checkoutLines: Map<string, Shape.CheckoutLine[]>;
  /** Checkout session -> data for the objects it will make. */
  readonly checkoutPlans: Map<string, CheckoutPlan>;
  /** Invoice -> its payment; payment intent -> its invoice. */
  readonly paymentOfInvoice: Map<string, string>;
  readonly invoiceOfIntent: Map<string, string>;
  /** Ids that are gone, with their object type, for answers about deleted objects. */
  readonly tombstones: Map<string, string>;
}

export interface CheckoutPlan {
  readonly trialDays: number | undefined;
  readonly subscriptionMetadata: Record<string, string>;
  readonly intentMetadata: Record<string, string>;
  readonly couponIds: readonly string[];
}

export interface RequestMark {
  readonly id: string | null;
  readonly idempotency_key: string | null;
}

export interface StoredEvent {
  readonly id: string;
  readonly type: Shape.EventType;
  readonly created: number;
  readonly object: object;
  readonly previous: Record<string, unknown> | undefined;
  readonly request: RequestMark;
}

export interface Settings {
  /** Days from each failed attempt at a renewal to the next; when they are used up, `afterRetries` applies. */
  retryDays: readonly number[];
  afterRetries: "cancel" | "past_due" | "unpaid";
  /** Seconds between a renewal's draft and its finalization. */
  draftSeconds: number;
  /** Event times are rounded down to multiples of this many seconds: > 1 makes ties. */
  tieSeconds: number;
  /** The latest events kept for the events API. */
  keptEvents: number;
}

/** What a bank debit was for. */
export interface DebitPurpose {
  readonly kind: "invoice" | "checkout";
  readonly id: string;
}

export type PauseBehaviour = NonNullable<Shape.Subscription["pause_collection"]>["behavior"];

/** One delivery of an event to an endpoint. */
export interface DeliveryJob {
  readonly event: StoredEvent;
  readonly endpointId: string;
  readonly attempt: number;
  /** Sent whatever the faults say: a resend asked for by hand. */
  readonly byHand: boolean;
}

/** What will fall due, as data, so that it can be kept while the sandbox is off; `perform` does it. */
export type Duty =
  | { readonly do: "fail refund"; readonly refund: string }
  | {
      readonly do: "settle debit";
      readonly intent: string;
      readonly succeeds: boolean;
      readonly clockId: string | null;
      readonly purpose: DebitPurpose | null;
    }
  | { readonly do: "pay out"; readonly payout: string }
  | { readonly do: "expire checkout"; readonly session: string }
  | { readonly do: "retry payment"; readonly invoice: string; readonly planned: number }
  | { readonly do: "invoice overdue"; readonly invoice: string }
  | { readonly do: "finalize invoice"; readonly invoice: string }
  | { readonly do: "resume collection"; readonly subscription: string; readonly resumesAt: number }
  | { readonly do: "expire subscription"; readonly subscription: string }
  | { readonly do: "end period"; readonly subscription: string; readonly end: number }
  | { readonly do: "announce renewal"; readonly subscription: string; readonly end: number }
  | { readonly do: "warn of trial end"; readonly subscription: string; readonly end: number }
  | { readonly do: "cancel subscription"; readonly subscription: string; readonly cancelAt: number }
  | {
      readonly do: "settle renewal";
      readonly subscription: string;
      readonly invoice: string;
      readonly pause: PauseBehaviour | null;
    }
  | { readonly do: "deliver again"; readonly job: DeliveryJob };

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly agenda: Agenda<Duty>;
  readonly tables: Tables;
  readonly secrets: Secrets;
  readonly settings: Settings;
  readonly events: Map<string, StoredEvent>;
  readonly listeners: ((event: StoredEvent) => void)[];
  /** Takes a delivery whose pause is over; set by what delivers. */
  deliverAgain: (job: DeliveryJob) => void;
  /** Where customers are sent for checkout, portal and invoices; set when the server listens. */
  baseUrl: string;
  request: RequestMark;
  /** While due work runs: the instant it was due. */
  moment: number | undefined;
  /** How many events there have been. */
  emitted: number;
}

export const NO_REQUEST: RequestMark = { id: null, idempotency_key: null };

/** An empty account. */
export function createWorld(clock: Clock, seed: number): World {
  return {
    clock,
    random: createRandom(seed),
    agenda: createAgenda(),
    tables: emptyTables(),
    secrets: {
      behaviours: new Map(),
      endpointSecrets: new Map(),
      checkoutLines: new Map(),
      checkoutPlans: new Map(),
      paymentOfInvoice: new Map(),
      invoiceOfIntent: new Map(),
      tombstones: new Map(),
    },
    settings: {
      retryDays: [1, 3, 4, 6],
      afterRetries: "cancel",
      draftSeconds: 3600,
      tieSeconds: 1,
      keptEvents: 50_000,
    },
    events: new Map(),
    listeners: [],
    deliverAgain: () => undefined,
    baseUrl: "http://127.0.0.1",
    request: NO_REQUEST,
    moment: undefined,
    emitted: 0,
  };
}

function emptyTables(): Tables {
  return {
    customers: new Map(),
    products: new Map(),
    prices: new Map(),
    paymentMethods: new Map(),
    cards: new Map(),
    setupIntents: new Map(),
    paymentIntents: new Map(),
    charges: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    coupons: new Map(),
    promotionCodes: new Map(),
    discounts: new Map(),
    taxRates: new Map(),
    invoices: new Map(),
    invoiceItems: new Map(),
    invoicePayments: new Map(),
    subscriptions: new Map(),
    webhookEndpoints: new Map(),
    checkoutSessions: new Map(),
    portalSessions: new Map(),
    portalConfigurations: new Map(),
    balanceTransactions: new Map(),
    payouts: new Map(),
    testClocks: new Map(),
    creditNotes: new Map(),
  };
}

/** Seconds since the epoch on the given test clock, or on the sandbox's own. */
export function nowOf(w: World, clockId: string | null | undefined): number {
  const testClock =
    clockId === null || clockId === undefined ? undefined : w.tables.testClocks.get(clockId);
  return testClock?.frozen_time ?? w.moment ?? Math.floor(w.clock.now() / 1000);
}

const ACCOUNT = "1RbSandbox9Purs";

/** Ids as long as the real ones: newer kinds carry the account's part, customers and products do not. */
export function newId(w: World, prefix: string): string {
  switch (prefix) {
    case "cus":
    case "prod":
    case "si":
      return `${prefix}_${w.random.token(14)}`;
    case "cs":
      return `cs_test_${w.random.token(58)}`;
    default:
      return `${prefix}_${ACCOUNT}${w.random.token(8)}`;
  }
}

/** Puts a new version of an object in the place of the old. */
export function amend<T extends { id: string }>(
  table: Map<string, T>,
  before: T,
  patch: Partial<T>,
): T {
  const after = { ...before, ...patch };
  table.set(after.id, after);
  return after;
}
