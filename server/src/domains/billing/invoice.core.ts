import type { InvoiceSnapshot, InvoiceStatus } from "./model.ts";
import type { Law } from "./stamp.core.ts";

const RANK: Readonly<Record<InvoiceStatus, number>> = {
  draft: 0,
  open: 1,
  uncollectible: 2,
  void: 3,
  paid: 4,
  deleted: 5,
};

const FIELDS: Readonly<Record<string, (snapshot: InvoiceSnapshot) => unknown>> = {
  status: (snapshot) => snapshot.status,
  amount_due: (snapshot) => snapshot.amountDueMinor,
  amount_paid: (snapshot) => snapshot.amountPaidMinor,
  amount_remaining: (snapshot) => snapshot.amountRemainingMinor,
  attempt_count: (snapshot) => snapshot.attemptCount,
  next_payment_attempt: (snapshot) => snapshot.nextPaymentAttempt,
  number: (snapshot) => snapshot.number,
  hosted_invoice_url: (snapshot) => snapshot.hostedUrl,
  invoice_pdf: (snapshot) => snapshot.pdfUrl,
  charge: (snapshot) => snapshot.charge,
  payment_intent: (snapshot) => snapshot.paymentIntent,
};

/**
 * An invoice only ever moves forward (draft, open, uncollectible, void or paid), so a higher state
 * within one second is a later one. Further attempts on an open invoice count up.
 */
export const invoiceLaw: Law<InvoiceSnapshot> = {
  isTerminal: ({ status }) => status === "paid" || status === "void" || status === "deleted",
  rank: (snapshot) => RANK[snapshot.status] * 10 + Math.min(snapshot.attemptCount, 9),
  ranksProve: () => true,
  fieldOf: (snapshot, field) => FIELDS[field]?.(snapshot),
};
