/** Bodies as Stripe sends them, of both generations, small enough to read. Written from the payloads under data/. */

export type Generation = "classic" | "basil";
const VERSION = { classic: "2024-06-20", basil: "2026-10-28.endive" } as const;

export interface SubscriptionState {
  readonly id: string;
  readonly customer: string;
  readonly status: string;
  readonly created: number;
  readonly price?: string;
  readonly planTier?: string | null;
  readonly unitAmount?: number;
  readonly quantity?: number;
  readonly interval?: string;
  readonly cancelAtPeriodEnd?: boolean;
  readonly canceledAt?: number | null;
  readonly endedAt?: number | null;
  readonly trialEnd?: number | null;
  readonly periodStart?: number;
  readonly periodEnd?: number;
  readonly latestInvoice?: string | null;
}

const MONTH = 2_592_000;

export function subscriptionBody(generation: Generation, state: SubscriptionState) {
  const periodStart = state.periodStart ?? state.created;
  const periodEnd = state.periodEnd ?? periodStart + MONTH;
  const price = {
    id: state.price ?? "price_pro",
    object: "price",
    active: true,
    billing_scheme: "per_unit",
    created: state.created,
    currency: "usd",
    livemode: false,
    lookup_key: null,
    metadata: state.planTier === null ? {} : { plan_tier: state.planTier ?? "pro" },
    nickname: null,
    product: "prod_1",
    recurring: { interval: state.interval ?? "month", interval_count: 1, usage_type: "licensed" },
    tax_behavior: "unspecified",
    type: "recurring",
    unit_amount: state.unitAmount ?? 4900,
    unit_amount_decimal: String(state.unitAmount ?? 4900),
  };
  const period =
    generation === "classic"
      ? { current_period_start: periodStart, current_period_end: periodEnd, discount: null }
      : { discounts: [], billing_mode: { type: "classic" } };
  return {
    id: state.id,
    object: "subscription",
    application: null,
    automatic_tax: { enabled: false },
    billing_cycle_anchor: state.created,
    cancel_at: null,
    cancel_at_period_end: state.cancelAtPeriodEnd ?? false,
    canceled_at: state.canceledAt ?? null,
    collection_method: "charge_automatically",
    created: state.created,
    currency: "usd",
    customer: state.customer,
    default_payment_method: null,
    ended_at: state.endedAt ?? null,
    items: {
      object: "list",
      data: [
        {
          id: `si_${state.id}`,
          object: "subscription_item",
          created: state.created,
          ...(generation === "basil"
            ? { current_period_start: periodStart, current_period_end: periodEnd }
            : {}),
          metadata: {},
          price,
          quantity: state.quantity ?? 1,
          subscription: state.id,
          tax_rates: [],
        },
      ],
      has_more: false,
      url: `/v1/subscription_items?subscription=${state.id}`,
    },
    latest_invoice: state.latestInvoice ?? null,
    livemode: false,
    metadata: {},
    pause_collection: null,
    start_date: state.created,
    status: state.status,
    test_clock: null,
    trial_end: state.trialEnd ?? null,
    trial_start: null,
    ...period,
  };
}

export interface InvoiceState {
  readonly id: string;
  readonly customer: string;
  readonly subscription: string | null;
  readonly status: string;
  readonly created: number;
  readonly total?: number;
  readonly paidAt?: number | null;
  readonly attempts?: number;
}

export function invoiceBody(generation: Generation, state: InvoiceState) {
  const total = state.total ?? 4900;
  const paid = state.status === "paid" ? total : 0;
  const links =
    generation === "classic"
      ? {
          subscription: state.subscription,
          charge: null,
          payment_intent: null,
          tax: null,
          discount: null,
          paid: paid > 0,
        }
      : {
          parent:
            state.subscription === null
              ? null
              : {
                  type: "subscription_details",
                  subscription_details: { subscription: state.subscription, metadata: {} },
                },
          total_taxes: [],
        };
  return {
    id: state.id,
    object: "invoice",
    amount_due: total,
    amount_paid: paid,
    amount_remaining: total - paid,
    attempt_count: state.attempts ?? 0,
    billing_reason: "subscription_cycle",
    collection_method: "charge_automatically",
    created: state.created,
    currency: "usd",
    customer: state.customer,
    due_date: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    livemode: false,
    metadata: {},
    next_payment_attempt: null,
    number: null,
    period_end: state.created,
    period_start: state.created - MONTH,
    status: state.status,
    status_transitions: {
      finalized_at: state.status === "draft" ? null : state.created,
      marked_uncollectible_at: null,
      paid_at: state.paidAt ?? null,
      voided_at: null,
    },
    total,
    ...links,
  };
}

export function customerBody(state: {
  readonly id: string;
  readonly created: number;
  readonly name: string | null;
  readonly email: string | null;
}) {
  return {
    ...state,
    object: "customer",
    balance: 0,
    currency: "usd",
    delinquent: false,
    description: null,
    livemode: false,
    metadata: {},
    phone: null,
  };
}

export function chargeBody(state: {
  readonly id: string;
  readonly customer: string | null;
  readonly created: number;
  readonly status: string;
  readonly amount: number;
  readonly refunded?: number;
  readonly paymentIntent?: string | null;
  readonly failureCode?: string | null;
}) {
  return {
    id: state.id,
    object: "charge",
    amount: state.amount,
    amount_captured: state.status === "succeeded" ? state.amount : 0,
    amount_refunded: state.refunded ?? 0,
    captured: state.status === "succeeded",
    created: state.created,
    currency: "usd",
    customer: state.customer,
    disputed: false,
    failure_code: state.failureCode ?? null,
    failure_message: (state.failureCode ?? null) === null ? null : "Your card was declined.",
    outcome: null,
    payment_intent: state.paymentIntent ?? null,
    payment_method_details: { type: "card", card: { brand: "visa", last4: "4242" } },
    status: state.status,
  };
}

export function refundBody(state: {
  readonly id: string;
  readonly charge: string;
  readonly created: number;
  readonly amount: number;
  readonly status?: string;
}) {
  return {
    id: state.id,
    object: "refund",
    amount: state.amount,
    charge: state.charge,
    created: state.created,
    currency: "usd",
    payment_intent: null,
    reason: "requested_by_customer",
    status: state.status ?? "succeeded",
  };
}

export interface EventBody {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly object: object;
  readonly previous?: object;
  readonly generation?: Generation;
  readonly version?: string | null;
}

export function eventBody(event: EventBody) {
  return {
    id: event.id,
    object: "event",
    api_version: event.version === undefined ? VERSION[event.generation ?? "basil"] : event.version,
    created: event.created,
    data: {
      object: event.object,
      ...(event.previous === undefined ? {} : { previous_attributes: event.previous }),
    },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: event.type,
  };
}
