import type {
  ChargeSnapshot,
  DisputeSnapshot,
  InvoicePaymentSnapshot,
  PaymentIntentSnapshot,
  RefundSnapshot,
} from "./model.ts";
import type { Law } from "./stamp.core.ts";

function refundedShare(charge: ChargeSnapshot): number {
  if (charge.amountRefundedMinor === 0 || charge.amountMinor === 0) {
    return 0;
  }
  return 1 + Math.floor((charge.amountRefundedMinor * 30) / charge.amountMinor);
}

/** Refunds of a charge only add up; `disputed` and `captured` are set once. */
export const chargeLaw: Law<ChargeSnapshot> = {
  // A succeeded charge can still be refunded or disputed: no state absorbs.
  isTerminal: () => false,
  rank: (charge) =>
    (charge.status === "pending" ? 0 : 40) +
    refundedShare(charge) +
    (charge.disputed ? 1 : 0) +
    (charge.captured ? 1 : 0),
  ranksProve: () => true,
  fieldOf: (charge, field) => {
    switch (field) {
      case "amount_refunded":
        return charge.amountRefundedMinor;
      case "amount_captured":
        return charge.amountCapturedMinor;
      case "captured":
        return charge.captured;
      case "disputed":
        return charge.disputed;
      case "status":
        return charge.status;
      default:
        return undefined;
    }
  },
};

const INTENT_RANK: Readonly<Record<string, number>> = {
  requires_payment_method: 0,
  requires_confirmation: 1,
  requires_action: 2,
  processing: 3,
  requires_capture: 4,
  canceled: 5,
  succeeded: 6,
};

export const paymentIntentLaw: Law<PaymentIntentSnapshot> = {
  isTerminal: ({ status }) => status === "succeeded" || status === "canceled",
  rank: ({ status }) => INTENT_RANK[status] ?? 0,
  // A failed attempt goes back to requires_payment_method.
  ranksProve: () => false,
  fieldOf: (intent, field) => {
    switch (field) {
      case "status":
        return intent.status;
      case "amount":
        return intent.amountMinor;
      case "amount_received":
        return intent.amountReceivedMinor;
      case "latest_charge":
        return intent.latestCharge;
      default:
        return undefined;
    }
  },
};

const REFUND_RANK: Readonly<Record<string, number>> = {
  pending: 0,
  requires_action: 1,
  succeeded: 2,
  canceled: 3,
  failed: 4,
};

/** A refund that succeeded can still come back as failed (the bank sends it back); nothing leaves failed or canceled. */
export const refundLaw: Law<RefundSnapshot> = {
  isTerminal: ({ status }) => status === "failed" || status === "canceled",
  rank: ({ status }) => REFUND_RANK[status] ?? 0,
  ranksProve: () => true,
  fieldOf: (refund, field) => (field === "status" ? refund.status : undefined),
};

const DISPUTE_RANK: Readonly<Record<string, number>> = {
  warning_needs_response: 0,
  warning_under_review: 1,
  warning_closed: 2,
  needs_response: 3,
  under_review: 4,
  prevented: 5,
  lost: 6,
  won: 7,
};

export const disputeLaw: Law<DisputeSnapshot> = {
  isTerminal: ({ status }) => status === "won" || status === "lost" || status === "prevented",
  rank: ({ status }) => DISPUTE_RANK[status] ?? 0,
  ranksProve: () => true,
  fieldOf: (dispute, field) => (field === "status" ? dispute.status : undefined),
};

export const invoicePaymentLaw: Law<InvoicePaymentSnapshot> = {
  isTerminal: ({ status }) => status === "paid" || status === "canceled",
  rank: ({ status }) => (status === "open" ? 0 : 1),
  ranksProve: () => true,
  fieldOf: (payment, field) => (field === "status" ? payment.status : undefined),
};

/** A payment intent and its charges, read as one payment. */
export interface MergedPayment {
  readonly stripePaymentId: string;
  readonly customer: string | null;
  readonly invoice: string | null;
  readonly status: string;
  readonly amountMinor: number;
  readonly amountRefundedMinor: number;
  readonly currency: string;
  readonly disputed: boolean;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly method: string | null;
  readonly chargeIds: readonly string[];
  readonly created: number;
}

/**
 * One payment from what is known of its intent and of its charges; either may be missing.
 * It succeeded if any charge did; a failed attempt shows until a later one succeeds.
 */
export function mergePayment(
  id: string,
  intent: PaymentIntentSnapshot | null,
  charges: readonly ChargeSnapshot[],
): MergedPayment | null {
  const ordered = charges.toSorted(
    (left, right) => left.created - right.created || (left.id < right.id ? -1 : 1),
  );
  const paid = ordered.findLast((charge) => charge.status === "succeeded") ?? null;
  const last = paid ?? ordered.at(-1) ?? null;
  const first = intent ?? ordered[0];
  if (first === undefined) {
    return null;
  }
  return {
    stripePaymentId: id,
    ...ownerOf(last, intent),
    status: mergedStatus(intent, paid, last),
    amountMinor: (last ?? first).amountMinor,
    amountRefundedMinor: ordered.reduce((sum, charge) => sum + charge.amountRefundedMinor, 0),
    currency: first.currency,
    disputed: ordered.some((charge) => charge.disputed),
    ...failureOf(paid === null ? (last ?? intent) : null),
    method: last?.method ?? null,
    chargeIds: ordered.map((charge) => charge.id),
    created: Math.min(first.created, (ordered[0] ?? first).created),
  };
}

/** The charge knows better; the intent may name what the charge does not. */
function ownerOf(charge: ChargeSnapshot | null, intent: PaymentIntentSnapshot | null) {
  return {
    customer: charge?.customer ?? intent?.customer ?? null,
    invoice: charge?.invoice ?? intent?.invoice ?? null,
  };
}

function failureOf(attempt: ChargeSnapshot | PaymentIntentSnapshot | null): {
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
} {
  return attempt === null
    ? { failureCode: null, failureMessage: null }
    : {
        failureCode: attempt.failureCode,
        failureMessage: attempt.failureMessage,
      };
}

function mergedStatus(
  intent: PaymentIntentSnapshot | null,
  paid: ChargeSnapshot | null,
  last: ChargeSnapshot | null,
): string {
  if (paid !== null) {
    return paid.captured ? "succeeded" : "requires_capture";
  }
  if (intent !== null && intent.status !== "requires_payment_method") {
    return intent.status;
  }
  if (last !== null) {
    return last.status;
  }
  return (intent?.failureCode ?? null) === null ? "requires_payment_method" : "failed";
}
