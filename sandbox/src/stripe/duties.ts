import { payOut } from "./balance.ts";
import { expireOpenSession, settleSession } from "./checkout.ts";
import { markOverdue, retryPayment, settleInvoice } from "./collection.ts";
import {
  announceUpcoming,
  atPeriodEnd,
  cancelAsPlanned,
  settleRenewal,
  warnOfTrialEnd,
} from "./cycles.ts";
import { finalizeDraft } from "./invoice-routes.ts";
import { settleDebit } from "./payments.ts";
import { failRefund } from "./refunds.ts";
import { resumeCollection } from "./subscription-update.ts";
import { expireIncomplete } from "./subscriptions.ts";
import type { Duty, World } from "./world.ts";

/** Does what fell due; each of these looks first whether it still applies. */
export function perform(w: World, duty: Duty): void {
  switch (duty.do) {
    case "fail refund":
      return failRefund(w, duty.refund);
    case "settle debit":
      return performDebit(w, duty);
    case "pay out":
      return payOut(w, duty.payout);
    case "expire checkout":
      return expireOpenSession(w, duty.session);
    case "retry payment":
      return retryPayment(w, duty.invoice, duty.planned);
    case "invoice overdue":
      return markOverdue(w, duty.invoice);
    case "finalize invoice":
      return finalizeDraft(w, duty.invoice);
    case "deliver again":
      return w.deliverAgain(duty.job);
    default:
      return performForSubscription(w, duty);
  }
}

type SubscriptionDuty = Extract<Duty, { readonly subscription: string }>;

function performForSubscription(w: World, duty: SubscriptionDuty): void {
  switch (duty.do) {
    case "resume collection":
      return resumeCollection(w, duty.subscription, duty.resumesAt);
    case "expire subscription":
      return expireIncomplete(w, duty.subscription);
    case "end period":
      return atPeriodEnd(w, duty.subscription, duty.end);
    case "announce renewal":
      return announceUpcoming(w, duty.subscription, duty.end);
    case "warn of trial end":
      return warnOfTrialEnd(w, duty.subscription, duty.end);
    case "cancel subscription":
      return cancelAsPlanned(w, duty.subscription, duty.cancelAt);
    case "settle renewal":
      return settleRenewal(w, duty);
  }
}

function performDebit(w: World, duty: Extract<Duty, { readonly do: "settle debit" }>): void {
  const settled = settleDebit(w, duty);
  if (settled === undefined || duty.purpose === null) {
    return;
  }
  switch (duty.purpose.kind) {
    case "invoice":
      return settleInvoice(w, duty.purpose.id, settled.amount, duty.succeeds);
    case "checkout":
      return settleSession(w, duty.purpose.id, duty.succeeds);
  }
}
