import type { CancelWish, ObjectKind, Snapshot, SubscriptionSnapshot } from "./model.ts";

/**
 * How a call to the provider ended. The difference that matters is between `unavailable` (certainly
 * not done, may be tried again) and `unknown` (may have been done: look it up, never repeat blindly).
 */
export type Answer<T> =
  | {
      readonly kind: "done";
      readonly value: T;
      /** The provider's time of the answer, in seconds since 1970. */
      readonly answeredAtSeconds: number;
      readonly requestId: string | null;
    }
  /** The provider understood and said no; the same call will fail again. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: "unavailable"; readonly retryAfterMs: number; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

/** What billing needs from a payment provider. Written here, implemented under `providers/`. */
export interface BillingProvider {
  /** The object as it is now; null where the provider does not know it (any more). Never `unknown`. */
  fetch(kind: ObjectKind, id: string): Promise<Answer<Snapshot | null>>;
  /** The same key sent again acts no second time; it is answered as before, or refused because the subscription has ended. */
  cancelSubscription(
    id: string,
    wish: CancelWish,
    options: { readonly idempotencyKey: string },
  ): Promise<Answer<SubscriptionSnapshot>>;
}

/** Each workspace has an account of its own at the provider. @throws Problem where none is connected */
export type ProviderOf = (workspaceId: number) => BillingProvider;
