/** What a test card does, after Stripe's published list of test cards and tokens. */
export interface CardBehaviour {
  readonly brand: string;
  readonly last4: string;
  readonly funding: string;
  /** Refused when attached to a customer or set up. */
  readonly attachDecline?: Decline;
  /** Refused when charged. */
  readonly chargeDecline?: Decline;
  /** Wants the customer's authentication: on every payment, or on those with the customer present only. */
  readonly authentication?: boolean;
  readonly dispute?: { readonly reason: string; readonly inquiry: boolean };
  /** Funds are available at once. */
  readonly bypassPending?: boolean;
  readonly refund?: "fails" | "pending";
  /** A bank debit: pending first, then this. */
  readonly delayed?: "fails" | "succeeds";
}

export interface Decline {
  readonly code: string;
  readonly declineCode: string | undefined;
  readonly message: string;
}

function decline(code: string, declineCode: string | undefined, message: string): Decline {
  return { code, declineCode, message };
}

const GENERIC = decline("card_declined", "generic_decline", "Your card was declined.");
const FUNDS = decline("card_declined", "insufficient_funds", "Your card has insufficient funds.");
const LOST = decline("card_declined", "lost_card", "Your card was declined.");
const STOLEN = decline("card_declined", "stolen_card", "Your card was declined.");
const FRAUD = decline("card_declined", "fraudulent", "Your card was declined.");
const EXPIRED = decline("expired_card", undefined, "Your card has expired.");
const CVC = decline("incorrect_cvc", undefined, "Your card's security code is incorrect.");
const PROCESSING = decline(
  "processing_error",
  undefined,
  "An error occurred while processing your card. Try again in a little bit.",
);

function visa(last4: string, extra: Partial<CardBehaviour> = {}): CardBehaviour {
  return { brand: "visa", last4, funding: "credit", ...extra };
}

function refused(last4: string, why: Decline): CardBehaviour {
  return visa(last4, { attachDecline: why, chargeDecline: why });
}

/** By the part after `pm_card_` or `tok_`. */
const BY_NAME = new Map<string, CardBehaviour>([
  ["visa", visa("4242")],
  ["visa_debit", visa("5556", { funding: "debit" })],
  ["us", visa("4242")],
  ["mastercard", { brand: "mastercard", last4: "4444", funding: "credit" }],
  ["mastercard_debit", { brand: "mastercard", last4: "3222", funding: "debit" }],
  ["amex", { brand: "amex", last4: "0005", funding: "credit" }],
  ["discover", { brand: "discover", last4: "1117", funding: "credit" }],
  ["diners", { brand: "diners", last4: "0004", funding: "credit" }],
  ["jcb", { brand: "jcb", last4: "0505", funding: "credit" }],
  ["unionpay", { brand: "unionpay", last4: "0005", funding: "credit" }],
  ["chargeDeclined", refused("0002", GENERIC)],
  ["visa_chargeDeclined", refused("0002", GENERIC)],
  ["chargeDeclinedInsufficientFunds", refused("9995", FUNDS)],
  ["visa_chargeDeclinedInsufficientFunds", refused("9995", FUNDS)],
  ["visa_chargeDeclinedLostCard", refused("9987", LOST)],
  ["visa_chargeDeclinedStolenCard", refused("9979", STOLEN)],
  ["chargeDeclinedFraudulent", refused("0019", FRAUD)],
  ["chargeDeclinedExpiredCard", refused("0069", EXPIRED)],
  ["chargeDeclinedIncorrectCvc", refused("0127", CVC)],
  ["chargeDeclinedProcessingError", refused("0119", PROCESSING)],
  ["chargeCustomerFail", visa("0341", { chargeDecline: GENERIC })],
  ["authenticationRequired", visa("3184", { authentication: true })],
  ["threeDSecure2Required", visa("3220", { authentication: true })],
  ["threeDSecureRequired", visa("3063", { authentication: true })],
  ["createDispute", visa("0259", { dispute: { reason: "fraudulent", inquiry: false } })],
  [
    "createDisputeProductNotReceived",
    visa("2685", { dispute: { reason: "product_not_received", inquiry: false } }),
  ],
  ["createDisputeInquiry", visa("1976", { dispute: { reason: "fraudulent", inquiry: true } })],
  ["bypassPending", visa("0077", { bypassPending: true })],
  ["bypassPendingInternational", visa("3720", { bypassPending: true })],
  ["refundFail", visa("5126", { refund: "fails" })],
  ["pendingRefund", visa("7726", { refund: "pending" })],
]);

const BY_NUMBER = new Map([...BY_NAME.values()].map((card) => [card.last4, card]));

/** The behaviour behind `pm_card_x`, `tok_x` or `card_x`; undefined when Stripe has no such test card. */
export function namedCard(token: string): CardBehaviour | undefined {
  const name = /^(?:pm_card|tok|card)_(?<name>\w+)$/u.exec(token)?.groups?.["name"];
  return name === undefined ? undefined : BY_NAME.get(name);
}

/** The behaviour behind a card number; numbers that mean nothing special just work. */
export function numberedCard(number: string): CardBehaviour {
  const last4 = number.slice(-4);
  return BY_NUMBER.get(last4) ?? visa(last4);
}

/** The behaviour behind a bank account, by Stripe's published test IBANs. */
export function bankDebit(iban: string): CardBehaviour {
  const failing = iban.endsWith("3202") || iban.endsWith("3456");
  return {
    brand: "sepa_debit",
    last4: iban.slice(-4),
    funding: "bank",
    delayed: failing ? "fails" : "succeeds",
  };
}
