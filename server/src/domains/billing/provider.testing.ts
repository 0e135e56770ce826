import { type Clock, toUnixSeconds } from "#platform/clock.ts";

import type { Snapshot, SubscriptionSnapshot } from "./model.ts";
import type { Answer, BillingProvider } from "./ports.ts";
import { isEnded } from "./subscription.core.ts";

export interface FakeProvider extends BillingProvider {
  readonly put: (snapshot: Snapshot) => void;
  /** The next write is carried out, but its answer never comes. */
  readonly loseNextAnswer: () => void;
  /** The next call of any kind is turned away without being carried out. */
  readonly turnAwayNext: () => void;
  /** How many writes were carried out. */
  readonly writes: () => number;
}

/** A provider in memory that keeps the promises of the port; the same conformance suite judges it and the real adapter. */
export function fakeProvider(clock: Clock): FakeProvider {
  const objects = new Map<string, Snapshot>();
  const answers = new Map<string, Answer<SubscriptionSnapshot>>();
  let loseAnswer = false;
  let turnAway = false;
  let writes = 0;
  const done = <T>(value: T): Answer<T> => ({
    kind: "done",
    value,
    answeredAtSeconds: toUnixSeconds(clock.now()),
    requestId: "req_fake",
  });
  const turnedAway = (): Answer<never> | null => {
    if (!turnAway) {
      return null;
    }
    turnAway = false;
    return { kind: "unavailable", retryAfterMs: 1_000, message: "Too many requests." };
  };
  const carryOut = (
    subscription: SubscriptionSnapshot,
    when: "period_end" | "now",
  ): SubscriptionSnapshot => {
    const now = toUnixSeconds(clock.now());
    const after: SubscriptionSnapshot =
      when === "now"
        ? { ...subscription, status: "canceled", canceledAt: now, endedAt: now }
        : { ...subscription, cancelAtPeriodEnd: true, canceledAt: now };
    objects.set(subscription.id, after);
    writes += 1;
    return after;
  };
  return {
    put: (snapshot) => {
      objects.set(snapshot.id, snapshot);
    },
    loseNextAnswer: () => {
      loseAnswer = true;
    },
    turnAwayNext: () => {
      turnAway = true;
    },
    writes: () => writes,
    fetch: (kind, id) => {
      const found = objects.get(id);
      return Promise.resolve(turnedAway() ?? done(found?.kind === kind ? found : null));
    },
    cancelSubscription: (id, wish, { idempotencyKey }) => {
      const refusal = turnedAway();
      const before = answers.get(idempotencyKey);
      const found = objects.get(id);
      if (refusal !== null || before !== undefined) {
        return Promise.resolve(refusal ?? before ?? { kind: "unknown", message: "" });
      }
      if (found?.kind !== "subscription" || isEnded(found.status)) {
        return Promise.resolve({
          kind: "refused",
          status: 404,
          code: "resource_missing",
          message: `No such subscription: '${id}'`,
        });
      }
      const answer = done(carryOut(found, wish.when));
      answers.set(idempotencyKey, answer);
      if (loseAnswer) {
        loseAnswer = false;
        return Promise.resolve({ kind: "unknown", message: "The connection was closed." });
      }
      return Promise.resolve(answer);
    },
  };
}
