import type { CancelWish, SubscriptionStatus } from "./model.ts";
import { isEnded } from "./subscription.core.ts";

export type CancelDecision =
  | { readonly kind: "already_ended" }
  | { readonly kind: "already_scheduled" }
  | { readonly kind: "cancel"; readonly after: Readonly<Record<string, unknown>> };

/** What a cancellation would do to a subscription as it stands. */
export function decideCancel(
  subscription: { readonly status: SubscriptionStatus; readonly cancelAtPeriodEnd: boolean },
  wish: CancelWish,
): CancelDecision {
  if (isEnded(subscription.status)) {
    return { kind: "already_ended" };
  }
  if (wish.when === "period_end") {
    return subscription.cancelAtPeriodEnd
      ? { kind: "already_scheduled" }
      : { kind: "cancel", after: { cancelAtPeriodEnd: true } };
  }
  return { kind: "cancel", after: { status: "canceled" } };
}

/**
 * Whether the provider's state is what the wish asked for: how an unknown outcome is settled. An end at
 * once is not what a wish for the period's end asked for; somebody else did that.
 */
export function isCarriedOut(
  subscription: { readonly status: SubscriptionStatus; readonly cancelAtPeriodEnd: boolean },
  when: unknown,
): boolean {
  return when === "period_end" ? subscription.cancelAtPeriodEnd : isEnded(subscription.status);
}
