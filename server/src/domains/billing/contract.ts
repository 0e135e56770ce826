import { z } from "zod";

import { defineOperation, instant, pageInput, pageOf } from "#platform/operation/operation.ts";
import { ADMINS, BILLERS, READERS, SUPPORTERS } from "#platform/operation/roles.ts";

import { DIMENSIONS, INVOICE_STATUSES, SUBSCRIPTION_STATUSES, TIERS } from "./model.ts";

export const tier = z.enum(TIERS);
export const amount = z.object({ minor: z.number().int(), currency: z.string() });

const id = z
  .string()
  .min(1)
  .max(200)
  .describe("Any id it goes by: ours, the provider's, or (customers) an email address");

export const customerRow = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  externalId: z.string().nullable(),
  tier,
  locked: z.boolean(),
  /** Known only through an event so far; the provider's customer has not been seen. */
  placeholder: z.boolean(),
  stripeCustomerIds: z.array(z.string()),
  /** The status of its most telling subscription, or null where it never had one. */
  subscriptionStatus: z.enum(SUBSCRIPTION_STATUSES).nullable(),
  createdAt: instant,
});
export type CustomerRow = z.infer<typeof customerRow>;

export const subscriptionRow = z.object({
  id: z.string(),
  stripeSubscriptionId: z.string(),
  stripeCustomerId: z.string(),
  organizationId: z.string(),
  organizationName: z.string(),
  status: z.enum(SUBSCRIPTION_STATUSES),
  /** Null while its price is mapped to no plan. */
  tier: tier.nullable(),
  billingCycle: z.string(),
  /** Per billing cycle; null where the price has no fixed amount (tiers). */
  amount: amount.nullable(),
  quantity: z.number().int(),
  currentPeriodStart: instant,
  currentPeriodEnd: instant,
  cancelAtPeriodEnd: z.boolean(),
  cancelAt: instant.nullable(),
  canceledAt: instant.nullable(),
  endedAt: instant.nullable(),
  trialEnd: instant.nullable(),
  pastDueSince: instant.nullable(),
  paused: z.boolean(),
  discounts: z.array(z.object({ id: z.string(), coupon: z.string().nullable() })),
  createdAt: instant,
  updatedAt: instant,
});
export type SubscriptionRow = z.infer<typeof subscriptionRow>;

export const subscriptionItemView = z.object({
  id: z.string(),
  priceId: z.string(),
  productId: z.string().nullable(),
  quantity: z.number().int().nullable(),
  unitAmount: amount.nullable(),
  interval: z.string(),
  intervalCount: z.number().int(),
  tier: tier.nullable(),
});

/** One line of what happened to a record: an event of the provider, or an answer that we fetched. */
export const recordEvent = z.object({
  eventId: z.string(),
  eventType: z.string(),
  objectId: z.string(),
  /** The provider's time. */
  occurredAt: instant,
  receivedAt: instant,
  processedAt: instant.nullable(),
  fate: z.enum(["applied", "superseded", "waiting", "quarantined", "failed"]),
  reason: z.string().nullable(),
  /** field -> [before, after] */
  changed: z.record(z.string(), z.tuple([z.unknown(), z.unknown()])),
});
export type RecordEvent = z.infer<typeof recordEvent>;

export const subscriptionDetail = subscriptionRow.extend({
  items: z.array(subscriptionItemView),
  trialStart: instant.nullable(),
  latestInvoiceId: z.string().nullable(),
  collectionMethod: z.string(),
  pause: z.object({ behavior: z.string(), resumesAt: instant.nullable() }).nullable(),
  /** What made the row what it is: an event's id, a fetch, or `psql:<login>`. */
  source: z.string(),
  events: z.array(recordEvent),
});
export type SubscriptionDetail = z.infer<typeof subscriptionDetail>;

export const invoiceRow = z.object({
  id: z.string(),
  stripeInvoiceId: z.string(),
  stripeSubscriptionId: z.string().nullable(),
  organizationId: z.string(),
  organizationName: z.string(),
  number: z.string().nullable(),
  status: z.enum(INVOICE_STATUSES),
  total: amount,
  amountDue: amount,
  amountPaid: amount,
  amountRemaining: amount,
  periodStart: instant,
  periodEnd: instant,
  dueAt: instant.nullable(),
  paidAt: instant.nullable(),
  attemptCount: z.number().int(),
  nextPaymentAttempt: instant.nullable(),
  hostedUrl: z.string().nullable(),
  createdAt: instant,
  updatedAt: instant,
});
export type InvoiceRow = z.infer<typeof invoiceRow>;

export const paymentRow = z.object({
  id: z.string(),
  /** `pi_...`, or `ch_...` where no payment intent stands behind the charge. */
  stripePaymentId: z.string(),
  organizationId: z.string().nullable(),
  organizationName: z.string().nullable(),
  stripeInvoiceId: z.string().nullable(),
  status: z.string(),
  amount,
  amountRefunded: amount,
  disputed: z.boolean(),
  failureCode: z.string().nullable(),
  failureMessage: z.string().nullable(),
  method: z.string().nullable(),
  charges: z.array(z.string()),
  createdAt: instant,
  updatedAt: instant,
});
export type PaymentRow = z.infer<typeof paymentRow>;

export const refundRow = z.object({
  id: z.string(),
  stripeRefundId: z.string(),
  stripePaymentId: z.string().nullable(),
  stripeChargeId: z.string().nullable(),
  organizationId: z.string().nullable(),
  status: z.string(),
  amount,
  reason: z.string().nullable(),
  createdAt: instant,
});
export const disputeRow = z.object({
  id: z.string(),
  stripeDisputeId: z.string(),
  stripeChargeId: z.string(),
  organizationId: z.string().nullable(),
  status: z.string(),
  amount,
  reason: z.string(),
  evidenceDueAt: instant.nullable(),
  createdAt: instant,
});

export const customerDetail = customerRow.extend({
  updatedAt: instant,
  lockedAt: instant.nullable(),
  providerCustomers: z.array(
    z.object({
      provider: z.string(),
      customerId: z.string(),
      name: z.string().nullable(),
      email: z.string().nullable(),
      delinquent: z.boolean(),
      deleted: z.boolean(),
    }),
  ),
  subscriptions: z.array(subscriptionRow),
  invoices: z.array(invoiceRow),
  payments: z.array(paymentRow),
  refunds: z.array(refundRow),
  disputes: z.array(disputeRow),
  /** Sums over paid invoices and succeeded refunds, one per currency. */
  totals: z.array(
    z.object({
      currency: z.string(),
      paidMinor: z.number().int(),
      refundedMinor: z.number().int(),
      openMinor: z.number().int(),
    }),
  ),
});
export type CustomerDetail = z.infer<typeof customerDetail>;

export const timelineEntry = z.object({
  at: instant,
  kind: z.enum(["event", "invoice", "payment", "refund", "dispute", "staff"]),
  /** One sentence. */
  title: z.string(),
  /** What it is about, to link to. */
  objectId: z.string().nullable(),
  eventId: z.string().nullable(),
  amount: amount.nullable(),
  actor: z.string().nullable(),
  changed: z.record(z.string(), z.tuple([z.unknown(), z.unknown()])),
});
export type TimelineEntry = z.infer<typeof timelineEntry>;

/** Why a record is as it is: each field's value, the event that set it, and the chain of everything that was said. */
export const explanation = z.object({
  kind: z.enum(["subscription", "invoice", "customer"]),
  id: z.string(),
  providerId: z.string(),
  organizationId: z.string(),
  /** One sentence for a person in a hurry. */
  summary: z.string(),
  source: z.string(),
  fields: z.array(
    z.object({
      field: z.string(),
      value: z.unknown(),
      /** Null where nothing recorded says who set it. */
      setBy: z.string().nullable(),
      setByType: z.string().nullable(),
      setAt: instant.nullable(),
    }),
  ),
  chain: z.array(recordEvent),
  notes: z.array(z.string()),
});
export type Explanation = z.infer<typeof explanation>;

export const planView = z.object({
  tier,
  name: z.string(),
  version: z.number().int(),
  unlimited: z.boolean(),
  limits: z.record(z.enum(DIMENSIONS), z.number().int().nullable()),
  prices: z.array(
    z.object({
      priceId: z.string(),
      productName: z.string().nullable(),
      nickname: z.string().nullable(),
      billingCycle: z.string().nullable(),
      amount: amount.nullable(),
      active: z.boolean(),
      /** `mapped` by staff, or `metadata` of the price at the provider. */
      mappedBy: z.enum(["staff", "metadata"]),
    }),
  ),
  liveSubscriptions: z.number().int(),
  updatedAt: instant.nullable(),
});
export type PlanView = z.infer<typeof planView>;

const customerTable = {
  rows: "items",
  columns: ["id", "name", "email", "tier", "subscriptionStatus", "createdAt"],
} as const;

export const customersSearch = defineOperation({
  name: "customers.search",
  title: "Search customers",
  summary:
    "Finds customers by any id (ours, the provider's customer, subscription, invoice, payment or charge), by email or by the beginning of a name. Without words: the newest.",
  method: "GET",
  path: "/customers",
  input: z.object({
    q: z
      .string()
      .max(200)
      .optional()
      .describe("An id, an email address or the beginning of a name"),
    tier: tier.optional(),
    ...pageInput,
  }),
  output: pageOf(customerRow),
  risk: "read",
  roles: READERS,
  cli: { words: "customers search", args: ["q"], table: customerTable },
});

export const customersShow = defineOperation({
  name: "customers.show",
  title: "Show a customer",
  summary: "A customer with subscriptions, invoices, payments, refunds and disputes, newest first.",
  method: "GET",
  path: "/customers/{id}",
  input: z.object({ id }),
  output: customerDetail,
  risk: "read",
  roles: READERS,
  cli: { words: "customers show", args: ["id"] },
});

export const customersTimeline = defineOperation({
  name: "customers.timeline",
  title: "Timeline of a customer",
  summary:
    "Everything that happened to a customer in one list, newest first: the provider's events, invoices, payments, refunds, disputes and what staff did.",
  method: "GET",
  path: "/customers/{id}/timeline",
  input: z.object({ id, ...pageInput }),
  output: pageOf(timelineEntry),
  risk: "read",
  roles: READERS,
  cli: {
    words: "customers timeline",
    args: ["id"],
    table: { rows: "items", columns: ["at", "kind", "title", "objectId", "actor"] },
  },
});

export const customersExplain = defineOperation({
  name: "customers.explain",
  title: "Explain a customer",
  summary: "Why the customer has its tier and its names: which event or person set each field.",
  method: "GET",
  path: "/customers/{id}/explain",
  input: z.object({ id }),
  output: explanation,
  risk: "read",
  roles: READERS,
  cli: { words: "explain customer", args: ["id"] },
});

export const subscriptionsList = defineOperation({
  name: "subscriptions.list",
  title: "List subscriptions",
  summary: "Subscriptions, newest first, by status, tier or customer.",
  method: "GET",
  path: "/subscriptions",
  input: z.object({
    status: z.enum(SUBSCRIPTION_STATUSES).optional(),
    tier: tier.optional(),
    customer: z.string().max(200).optional().describe("Any id of the customer"),
    ...pageInput,
  }),
  output: pageOf(subscriptionRow),
  risk: "read",
  roles: READERS,
  cli: {
    words: "subscriptions list",
    table: {
      rows: "items",
      columns: [
        "stripeSubscriptionId",
        "organizationName",
        "status",
        "tier",
        "billingCycle",
        "amount",
        "currentPeriodEnd",
      ],
    },
  },
});

export const subscriptionsShow = defineOperation({
  name: "subscriptions.show",
  title: "Show a subscription",
  summary: "One subscription with its items, its standing and the events that made it so.",
  method: "GET",
  path: "/subscriptions/{id}",
  input: z.object({ id }),
  output: subscriptionDetail,
  risk: "read",
  roles: READERS,
  cli: { words: "subscriptions show", args: ["id"] },
});

export const subscriptionsExplain = defineOperation({
  name: "subscriptions.explain",
  title: "Explain a subscription",
  summary:
    "Why the subscription is as it is: each field with the event that set it, the events that came too late, and the whole chain.",
  method: "GET",
  path: "/subscriptions/{id}/explain",
  input: z.object({ id }),
  output: explanation,
  risk: "read",
  roles: READERS,
  cli: { words: "explain subscription", args: ["id"] },
});

export const subscriptionsResync = defineOperation({
  name: "subscriptions.resync",
  title: "Resync a subscription",
  summary:
    "Asks the provider for the subscription and makes the record agree. The preview shows both states side by side.",
  method: "POST",
  path: "/subscriptions/{id}/resync",
  input: z.object({ id }),
  output: z.object({
    subscription: subscriptionRow,
    /** field -> [before, after] */
    changed: z.record(z.string(), z.tuple([z.unknown(), z.unknown()])),
  }),
  risk: "write",
  roles: SUPPORTERS,
  cli: { words: "subscriptions resync", args: ["id"] },
});

export const subscriptionsCancel = defineOperation({
  name: "subscriptions.cancel",
  title: "Cancel a subscription",
  summary:
    "Cancels at the provider first, at the end of the paid period or now, reads the answer back and records it.",
  method: "POST",
  path: "/subscriptions/{id}/cancel",
  input: z.object({
    id,
    when: z.enum(["period_end", "now"]).default("period_end"),
    prorate: z
      .boolean()
      .default(false)
      .describe("With `now`: credit the unused part of the period to the customer"),
    reason: z.string().min(3).max(500).describe("Kept in the audit log"),
  }),
  output: z.object({ subscription: subscriptionRow, intentId: z.string() }),
  risk: "dangerous",
  roles: BILLERS,
  cli: { words: "subscriptions cancel", args: ["id"] },
});

export const invoicesList = defineOperation({
  name: "invoices.list",
  title: "List invoices",
  summary: "Invoices, newest first, by status or customer.",
  method: "GET",
  path: "/invoices",
  input: z.object({
    status: z.enum(INVOICE_STATUSES).optional(),
    customer: z.string().max(200).optional().describe("Any id of the customer"),
    ...pageInput,
  }),
  output: pageOf(invoiceRow),
  risk: "read",
  roles: READERS,
  cli: {
    words: "invoices list",
    table: {
      rows: "items",
      columns: [
        "stripeInvoiceId",
        "organizationName",
        "status",
        "total",
        "amountPaid",
        "createdAt",
      ],
    },
  },
});

export const invoicesShow = defineOperation({
  name: "invoices.show",
  title: "Show an invoice",
  summary: "One invoice with its payments and the events that made it so.",
  method: "GET",
  path: "/invoices/{id}",
  input: z.object({ id }),
  output: invoiceRow.extend({
    payments: z.array(paymentRow),
    refunds: z.array(refundRow),
    source: z.string(),
    events: z.array(recordEvent),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "invoices show", args: ["id"] },
});

export const invoicesExplain = defineOperation({
  name: "invoices.explain",
  title: "Explain an invoice",
  summary: "Why the invoice is as it is: each field with the event that set it, and the chain.",
  method: "GET",
  path: "/invoices/{id}/explain",
  input: z.object({ id }),
  output: explanation,
  risk: "read",
  roles: READERS,
  cli: { words: "explain invoice", args: ["id"] },
});

export const paymentsList = defineOperation({
  name: "payments.list",
  title: "List payments",
  summary:
    "Payments, newest first, by outcome or customer; charges of one payment intent are one payment.",
  method: "GET",
  path: "/payments",
  input: z.object({
    status: z.string().max(40).optional().describe("`succeeded`, `failed`, `processing` ..."),
    customer: z.string().max(200).optional().describe("Any id of the customer"),
    ...pageInput,
  }),
  output: pageOf(paymentRow),
  risk: "read",
  roles: READERS,
  cli: {
    words: "payments list",
    table: {
      rows: "items",
      columns: [
        "stripePaymentId",
        "organizationName",
        "status",
        "amount",
        "failureCode",
        "createdAt",
      ],
    },
  },
});

export const plansList = defineOperation({
  name: "plans.list",
  title: "List plans",
  summary: "The catalogue: each tier with its limits and the provider's prices that lead to it.",
  method: "GET",
  path: "/plans",
  input: z.object({}),
  output: pageOf(planView),
  risk: "read",
  roles: READERS,
  cli: {
    words: "plans list",
    table: {
      rows: "items",
      columns: ["tier", "name", "version", "unlimited", "liveSubscriptions"],
    },
  },
});

export const plansSet = defineOperation({
  name: "plans.set",
  title: "Set a plan's limits",
  summary:
    "Makes a new version of a plan. Organizations of that tier get the new limits; usage is not touched.",
  method: "PUT",
  path: "/plans/{tier}",
  input: z.object({
    tier,
    name: z.string().min(1).max(80).optional(),
    unlimited: z.boolean().optional().describe("No limits at all; a property of the plan"),
    limits: z
      .partialRecord(z.enum(DIMENSIONS), z.number().int().min(0))
      .default({})
      .describe("Only the dimensions that change"),
  }),
  output: planView,
  risk: "write",
  roles: ADMINS,
  cli: { words: "plans set", args: ["tier"] },
});

export const plansMapPrice = defineOperation({
  name: "plans.map_price",
  title: "Map a price to a plan",
  summary:
    "Says which tier a price of the provider buys. Subscriptions on that price get the tier at once. Null takes the mapping away and never lowers anyone.",
  method: "PUT",
  path: "/prices/{priceId}/plan",
  input: z.object({
    priceId: z.string().min(1).max(200),
    tier: tier.nullable(),
  }),
  output: z.object({
    priceId: z.string(),
    tier: tier.nullable(),
    subscriptions: z.number().int(),
    organizationsChanged: z.number().int(),
  }),
  risk: "write",
  roles: ADMINS,
  cli: { words: "plans map-price", args: ["priceId"] },
});

export const pricesList = defineOperation({
  name: "prices.list",
  title: "List prices",
  summary: "The provider's prices with the plan that each leads to; unmapped ones first.",
  method: "GET",
  path: "/prices",
  input: z.object({ unmapped: z.stringbool().optional(), ...pageInput }),
  output: pageOf(
    z.object({
      priceId: z.string(),
      productId: z.string().nullable(),
      productName: z.string().nullable(),
      nickname: z.string().nullable(),
      billingCycle: z.string().nullable(),
      amount: amount.nullable(),
      active: z.boolean(),
      tier: tier.nullable(),
      liveSubscriptions: z.number().int(),
    }),
  ),
  risk: "read",
  roles: READERS,
  cli: {
    words: "prices list",
    table: {
      rows: "items",
      columns: ["priceId", "productName", "billingCycle", "amount", "tier", "liveSubscriptions"],
    },
  },
});

export const billingContract = [
  customersSearch,
  customersShow,
  customersTimeline,
  customersExplain,
  subscriptionsList,
  subscriptionsShow,
  subscriptionsExplain,
  subscriptionsResync,
  subscriptionsCancel,
  invoicesList,
  invoicesShow,
  invoicesExplain,
  paymentsList,
  plansList,
  plansSet,
  plansMapPrice,
  pricesList,
] as const;
