import type { SubscriptionRow } from "purser/contract/billing";

/** What the date beside it means. */
export function nextStep(row: SubscriptionRow): string {
  if (row.endedAt !== null) {
    return "ended";
  }
  return row.cancelAtPeriodEnd || row.cancelAt !== null ? "ends" : "renews";
}
