import { createHmac } from "node:crypto";

export const CUSTOMERS = 2_000;
const API_VERSION = "2026-10-28.endive";
const PRICES = ["price_bench_starter", "price_bench_pro"] as const;
/** Signing secret that the bench gives to everyone it measures. */
export const SECRET = "whsec_bench_0123456789abcdefghijklmnopqrstuv";

const MONTH_S = 30 * 86_400;

export interface StripeEvent {
  readonly id: string;
  readonly body: Buffer;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

function customerId(customer: number): string {
  return `cus_bench${pad(customer, 9)}`;
}

function subscriptionId(customer: number): string {
  return `sub_1Bench${pad(customer, 18)}`;
}

function invoiceId(customer: number, cycle: number): string {
  return `in_1Bench${pad(customer, 9)}x${pad(cycle, 9)}`;
}

function plan(customer: number, cycle: number): { price: string; amount: number } {
  // A customer changes plan every third cycle, so that an update has something to change.
  const pro = (customer + Math.floor(cycle / 3)) % 2 === 1;
  return pro ? { price: PRICES[1], amount: 2_900 } : { price: PRICES[0], amount: 900 };
}

function priceOf(price: string, amount: number, created: number): object {
  return {
    id: price,
    object: "price",
    active: true,
    billing_scheme: "per_unit",
    created,
    currency: "usd",
    custom_unit_amount: null,
    livemode: false,
    lookup_key: price.replace("price_bench_", "bench_"),
    metadata: { tier: price.replace("price_bench_", "") },
    nickname: "Monthly",
    product: price.replace("price_", "prod_"),
    recurring: {
      interval: "month",
      interval_count: 1,
      meter: null,
      trial_period_days: null,
      usage_type: "licensed",
    },
    tax_behavior: "exclusive",
    tiers_mode: null,
    transform_quantity: null,
    type: "recurring",
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  };
}

function customerObject(customer: number, created: number): object {
  return {
    id: customerId(customer),
    object: "customer",
    address: null,
    balance: 0,
    created,
    currency: "usd",
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: `billing+${customer}@bench.example`,
    invoice_prefix: `B${pad(customer, 7)}`,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: { account: `acct-${customer}` },
    name: `Bench Customer ${customer}`,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  };
}

interface Moment {
  readonly customer: number;
  readonly cycle: number;
  /** Provider's time of the event, unix seconds. */
  readonly at: number;
  /** When the customer began, unix seconds. */
  readonly start: number;
}

function subscriptionObject(moment: Moment, step: number): object {
  const { customer, cycle, at, start } = moment;
  const { price, amount } = plan(customer, cycle);
  const id = subscriptionId(customer);
  const item = {
    id: `si_bench${pad(customer, 9)}`,
    object: "subscription_item",
    billing_thresholds: null,
    created: start,
    current_period_end: at + MONTH_S,
    current_period_start: at,
    discounts: [],
    metadata: {},
    plan: {
      id: price,
      object: "plan",
      active: true,
      amount,
      amount_decimal: String(amount),
      billing_scheme: "per_unit",
      created: start,
      currency: "usd",
      interval: "month",
      interval_count: 1,
      livemode: false,
      metadata: {},
      meter: null,
      nickname: "Monthly",
      product: price.replace("price_", "prod_"),
      tiers_mode: null,
      transform_usage: null,
      trial_period_days: null,
      usage_type: "licensed",
    },
    price: priceOf(price, amount, start),
    quantity: 1,
    subscription: id,
    tax_rates: [],
  };
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: start,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: null, type: "classic" },
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, reason: null },
    collection_method: "charge_automatically",
    created: start,
    currency: "usd",
    customer: customerId(customer),
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: { account_tax_ids: null, issuer: { type: "self" } },
    items: {
      object: "list",
      data: [item],
      has_more: false,
      total_count: 1,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    latest_invoice: invoiceId(customer, cycle),
    livemode: false,
    metadata: { account: `acct-${customer}`, cycle: String(cycle), step: String(step) },
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: start,
    status: step === 1 && (customer + cycle) % 20 === 0 ? "past_due" : "active",
    test_clock: null,
    transfer_data: null,
    trial_end: null,
    trial_settings: { end_behavior: { missing_payment_method: "create_invoice" } },
    trial_start: null,
  };
}

const INVOICE_STATES = {
  created: { status: "draft", paid: false, final: false },
  finalized: { status: "open", paid: false, final: true },
  paid: { status: "paid", paid: true, final: true },
} as const;

function invoiceLine(moment: Moment): object {
  const { customer, cycle, at } = moment;
  const { price, amount } = plan(customer, cycle);
  const created = at - (at % 10);
  return {
    id: `il_1Bench${pad(customer, 9)}x${pad(cycle, 9)}`,
    object: "line_item",
    amount,
    currency: "usd",
    description: "1 x Purser bench (at $9.00 / month)",
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice: invoiceId(customer, cycle),
    livemode: false,
    metadata: { account: `acct-${customer}` },
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscriptionId(customer),
        subscription_item: `si_bench${pad(customer, 9)}`,
      },
      type: "subscription_item_details",
    },
    period: { end: created + MONTH_S, start: created },
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price, product: price.replace("price_", "prod_") },
      type: "price_details",
      unit_amount_decimal: String(amount),
    },
    quantity: 1,
    taxes: [],
  };
}

function invoiceObject(moment: Moment, state: keyof typeof INVOICE_STATES): object {
  const { customer, cycle, at } = moment;
  const { amount } = plan(customer, cycle);
  const { status, paid, final } = INVOICE_STATES[state];
  const id = invoiceId(customer, cycle);
  const created = at - (at % 10);
  return {
    id,
    object: "invoice",
    account_country: "US",
    account_name: "Purser bench",
    account_tax_ids: null,
    amount_due: amount,
    amount_overpaid: 0,
    amount_paid: paid ? amount : 0,
    amount_remaining: paid ? 0 : amount,
    amount_shipping: 0,
    application: null,
    attempt_count: paid ? 1 : 0,
    attempted: paid,
    auto_advance: !paid,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: null,
    billing_reason: "subscription_cycle",
    collection_method: "charge_automatically",
    created,
    currency: "usd",
    custom_fields: null,
    customer: customerId(customer),
    customer_account: null,
    customer_address: null,
    customer_email: `billing+${customer}@bench.example`,
    customer_name: `Bench Customer ${customer}`,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: "none",
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: final ? created : null,
    ending_balance: final ? 0 : null,
    footer: null,
    from_invoice: null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: "list",
      data: [invoiceLine(moment)],
      has_more: false,
      total_count: 1,
      url: `/v1/invoices/${id}/lines`,
    },
    livemode: false,
    metadata: {},
    next_payment_attempt: null,
    number: final ? `BENCH-${pad(customer, 5)}-${pad(cycle, 6)}` : null,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: {
        metadata: { account: `acct-${customer}` },
        subscription: subscriptionId(customer),
      },
      type: "subscription_details",
    },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    period_end: created + MONTH_S,
    period_start: created,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status,
    status_transitions: {
      finalized_at: final ? created : null,
      marked_uncollectible_at: null,
      paid_at: paid ? at : null,
      voided_at: null,
    },
    subtotal: amount,
    subtotal_excluding_tax: amount,
    test_clock: null,
    total: amount,
    total_discount_amounts: [],
    total_excluding_tax: amount,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
  };
}

function envelope(id: string, type: string, at: number, data: object): StripeEvent {
  const event = {
    id,
    object: "event",
    api_version: API_VERSION,
    created: at,
    data,
    livemode: false,
    pending_webhooks: 1,
    request: { id: `req_${id.slice(-14)}`, idempotency_key: null },
    type,
  };
  return { id, body: Buffer.from(JSON.stringify(event)) };
}

/** As Stripe's: rising with time at the front, random at the end, 28 characters, so that an index over them is used as in life. */
function eventId(tag: string, n: number): string {
  const noise = Math.imul(n ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return `evt_1${pad(Math.floor(n / 1_000), 6)}${tag}${noise.toString(36).padStart(7, "0")}${pad(n % 1_000, 3)}`;
}

/**
 * The life of 2,000 customers as one endless, numbered story. Number n is always the same event, so a
 * stretch of it can be made anywhere. The first CUSTOMERS * 2 numbers begin the customers and their
 * subscriptions; then five steps of one second each make a cycle: subscription updated, invoice
 * created, finalized, paid, subscription updated. Provider's times only rise.
 */
export function storyEvent(
  story: { readonly tag: string; readonly epochS: number },
  n: number,
): StripeEvent {
  const id = eventId(story.tag, n);
  const customer = n % CUSTOMERS;
  const round = Math.floor(n / CUSTOMERS);
  const at = story.epochS + round;
  const start = story.epochS;
  if (round === 0) {
    return envelope(id, "customer.created", at, { object: customerObject(customer, start) });
  }
  if (round === 1) {
    const moment = { customer, cycle: 0, at, start };
    return envelope(id, "customer.subscription.created", at, {
      object: subscriptionObject(moment, 0),
    });
  }
  const cycle = Math.floor((round - 2) / 5) + 1;
  const step = (round - 2) % 5;
  const moment = { customer, cycle, at, start };
  switch (step) {
    case 1:
      return envelope(id, "invoice.created", at, { object: invoiceObject(moment, "created") });
    case 2:
      return envelope(id, "invoice.finalized", at, {
        object: invoiceObject({ ...moment, at: at - 1 }, "finalized"),
        previous_attributes: { status: "draft" },
      });
    case 3:
      return envelope(id, "invoice.paid", at, {
        object: invoiceObject({ ...moment, at: at - 2 }, "paid"),
      });
    default:
      return envelope(id, "customer.subscription.updated", at, {
        object: subscriptionObject(moment, step === 0 ? 0 : 1),
        previous_attributes: { latest_invoice: invoiceId(customer, cycle - 1) },
      });
  }
}

/** Products and prices that the story's subscriptions name. */
export function catalogueEvents(story: {
  readonly tag: string;
  readonly epochS: number;
}): readonly StripeEvent[] {
  return PRICES.flatMap((price, index) => {
    const product = {
      id: price.replace("price_", "prod_"),
      object: "product",
      active: true,
      attributes: [],
      created: story.epochS,
      default_price: price,
      description: null,
      images: [],
      livemode: false,
      marketing_features: [],
      metadata: { tier: price.replace("price_bench_", "") },
      name: price.replace("price_bench_", "Bench "),
      package_dimensions: null,
      shippable: null,
      statement_descriptor: null,
      tax_code: null,
      type: "service",
      unit_label: null,
      updated: story.epochS,
      url: null,
    };
    const amount = index === 0 ? 900 : 2_900;
    return [
      envelope(`evt_1${story.tag}product${index}`, "product.created", story.epochS, {
        object: product,
      }),
      envelope(`evt_1${story.tag}price${index}`, "price.created", story.epochS, {
        object: priceOf(price, amount, story.epochS),
      }),
    ];
  });
}

/** Stripe-Signature of a body: https://docs.stripe.com/webhooks#verify-manually */
export function signatureOf(body: Buffer, atS: number): string {
  const mac = createHmac("sha256", SECRET).update(`${atS}.`).update(body).digest("hex");
  return `t=${atS},v1=${mac}`;
}
