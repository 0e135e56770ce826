/** Tiers from lowest to highest; the highest of an organization's live subscriptions wins. */
export const TIERS = ["free", "starter", "pro", "enterprise"] as const;
export type Tier = (typeof TIERS)[number];

export const DIMENSIONS = ["sites", "posts", "users", "storage_bytes", "api_calls"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** A limit per dimension. `null` only where the plan is unlimited: the property decides, never the absence of a number. */
export interface PlanLimits {
  readonly unlimited: boolean;
  readonly limits: Readonly<Record<Dimension, number | null>>;
}

/** Stripe's states of a subscription, in the provider's own words. */
export const SUBSCRIPTION_STATUSES = [
  "incomplete",
  "incomplete_expired",
  "trialing",
  "active",
  "past_due",
  "unpaid",
  "paused",
  "canceled",
] as const;
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

/** Stripe's states of an invoice, and `deleted` for a draft that is gone. */
export const INVOICE_STATUSES = [
  "draft",
  "open",
  "uncollectible",
  "paid",
  "void",
  "deleted",
] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

/** What the desk keeps of the provider's objects; the name is also `object` in the provider's JSON. */
export const OBJECT_KINDS = [
  "customer",
  "subscription",
  "invoice",
  "payment_intent",
  "charge",
  "refund",
  "dispute",
  "invoice_payment",
  "product",
  "price",
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/**
 * Where a snapshot stands in the life of its object. Whole seconds are all that the provider gives,
 * so the place of the event's type (`created` is certainly first, a fetch certainly last) stands behind them.
 */
export interface Stamp {
  readonly workspaceId: number;
  /** `evt_...`, or `fetch_...` for a snapshot that we asked for. */
  readonly eventId: string;
  readonly eventType: string;
  /** Seconds since 1970 by the provider's clock. */
  readonly atSeconds: number;
  /** 0 created, 1 any change, 2 deleted, 9 fetched. */
  readonly typeRank: number;
  readonly receivedAtMs: number;
  /** The provider's `previous_attributes`, which order ties within a second for the moment; null where none came. */
  readonly previous: Readonly<Record<string, unknown>> | null;
  /** Only for a fetch: the provider's time of the answer. An event between `atSeconds` and this may be in it or not. */
  readonly fetchedAtSeconds: number | null;
}

export interface SubscriptionItem {
  readonly id: string;
  readonly price: string;
  readonly product: string | null;
  readonly quantity: number | null;
  readonly unitAmountMinor: number | null;
  readonly currency: string;
  readonly interval: string;
  readonly intervalCount: number;
  readonly usageType: string;
  /** `plan_tier` in the price's metadata, where the workspace marks its prices so. */
  readonly tierHint: Tier | null;
}

/** Instants of snapshots are seconds since 1970, as the provider has them. */
export interface SubscriptionSnapshot {
  readonly kind: "subscription";
  readonly id: string;
  readonly customer: string;
  readonly status: SubscriptionStatus;
  readonly currency: string;
  readonly created: number;
  readonly periodStart: number;
  readonly periodEnd: number;
  readonly cancelAtPeriodEnd: boolean;
  readonly cancelAt: number | null;
  readonly canceledAt: number | null;
  readonly endedAt: number | null;
  readonly trialStart: number | null;
  readonly trialEnd: number | null;
  readonly collectionMethod: string;
  readonly pauseBehavior: string | null;
  readonly pauseResumesAt: number | null;
  readonly latestInvoice: string | null;
  readonly discounts: readonly { readonly id: string; readonly coupon: string | null }[];
  readonly items: readonly SubscriptionItem[];
}

export interface InvoiceSnapshot {
  readonly kind: "invoice";
  readonly id: string;
  readonly customer: string;
  readonly subscription: string | null;
  readonly status: InvoiceStatus;
  readonly number: string | null;
  readonly currency: string;
  readonly totalMinor: number;
  readonly amountDueMinor: number;
  readonly amountPaidMinor: number;
  readonly amountRemainingMinor: number;
  readonly taxMinor: number;
  readonly created: number;
  readonly periodStart: number;
  readonly periodEnd: number;
  readonly dueAt: number | null;
  readonly paidAt: number | null;
  readonly finalizedAt: number | null;
  readonly voidedAt: number | null;
  readonly attemptCount: number;
  readonly nextPaymentAttempt: number | null;
  readonly billingReason: string | null;
  readonly collectionMethod: string | null;
  readonly hostedUrl: string | null;
  readonly pdfUrl: string | null;
  /** Only in shapes before Basil. */
  readonly paymentIntent: string | null;
  readonly charge: string | null;
}

export interface CustomerSnapshot {
  readonly kind: "customer";
  readonly id: string;
  readonly created: number;
  readonly deleted: boolean;
  readonly name: string | null;
  readonly email: string | null;
  readonly description: string | null;
  readonly phone: string | null;
  readonly currency: string | null;
  readonly balanceMinor: number;
  readonly delinquent: boolean;
  readonly externalId: string | null;
}

export interface PaymentIntentSnapshot {
  readonly kind: "payment_intent";
  readonly id: string;
  readonly customer: string | null;
  readonly status: string;
  readonly amountMinor: number;
  readonly amountReceivedMinor: number;
  readonly currency: string;
  readonly created: number;
  readonly canceledAt: number | null;
  readonly latestCharge: string | null;
  readonly invoice: string | null;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
}

export interface ChargeSnapshot {
  readonly kind: "charge";
  readonly id: string;
  readonly customer: string | null;
  readonly paymentIntent: string | null;
  readonly invoice: string | null;
  readonly status: string;
  readonly amountMinor: number;
  readonly amountCapturedMinor: number;
  readonly amountRefundedMinor: number;
  readonly currency: string;
  readonly created: number;
  readonly captured: boolean;
  readonly disputed: boolean;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly method: string | null;
}

export interface RefundSnapshot {
  readonly kind: "refund";
  readonly id: string;
  readonly charge: string | null;
  readonly paymentIntent: string | null;
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly created: number;
  readonly failureReason: string | null;
}

export interface DisputeSnapshot {
  readonly kind: "dispute";
  readonly id: string;
  readonly charge: string;
  readonly paymentIntent: string | null;
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly reason: string;
  readonly created: number;
  readonly evidenceDueAt: number | null;
}

/** Which payment settled which invoice, in shapes since Basil. */
export interface InvoicePaymentSnapshot {
  readonly kind: "invoice_payment";
  readonly id: string;
  readonly invoice: string;
  /** `pi_...` or `ch_...` */
  readonly payment: string;
  readonly status: string;
  readonly amountMinor: number;
  readonly created: number;
}

export interface ProductSnapshot {
  readonly kind: "product";
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly deleted: boolean;
  readonly created: number;
  readonly tierHint: Tier | null;
}

export interface PriceSnapshot {
  readonly kind: "price";
  readonly id: string;
  readonly product: string;
  readonly active: boolean;
  readonly deleted: boolean;
  readonly currency: string;
  readonly unitAmountMinor: number | null;
  readonly interval: string | null;
  readonly intervalCount: number | null;
  readonly nickname: string | null;
  readonly lookupKey: string | null;
  readonly created: number;
  readonly tierHint: Tier | null;
}

export type Snapshot =
  | SubscriptionSnapshot
  | InvoiceSnapshot
  | CustomerSnapshot
  | PaymentIntentSnapshot
  | ChargeSnapshot
  | RefundSnapshot
  | DisputeSnapshot
  | InvoicePaymentSnapshot
  | ProductSnapshot
  | PriceSnapshot;

/** One thing a provider said about one object: the state it then had, and where in the object's life that was. */
export interface Change<S extends Snapshot = Snapshot> {
  readonly stamp: Stamp;
  readonly snapshot: S;
}

export interface CancelWish {
  readonly when: "period_end" | "now";
  /** With `now`: credit the unused part of the period. */
  readonly prorate: boolean;
}
