import fc from "fast-check";

import { type Held, fold } from "./fold.core.ts";
import type { Snapshot, Stamp, SubscriptionSnapshot } from "./model.ts";
import type { Law } from "./stamp.core.ts";

/** Histories per property: 500 in an ordinary run; PURSER_HISTORIES=10000 for the long one. */
// oxlint-disable-next-line node/no-process-env -- the length of a test run is no configuration of the product
export const HISTORIES = Number(process.env["PURSER_HISTORIES"] ?? 500);

export function aStamp(over: Partial<Stamp> = {}): Stamp {
  return {
    workspaceId: 1,
    eventId: "evt_1",
    eventType: "customer.subscription.updated",
    atSeconds: 1_000,
    typeRank: 1,
    receivedAtMs: 0,
    previous: null,
    fetchedAtSeconds: null,
    ...over,
  };
}

export function aSubscriptionSnapshot(
  over: Partial<SubscriptionSnapshot> = {},
): SubscriptionSnapshot {
  return {
    kind: "subscription",
    id: "sub_1",
    customer: "cus_1",
    status: "active",
    currency: "usd",
    created: 1_000,
    periodStart: 1_000,
    periodEnd: 2_000,
    cancelAtPeriodEnd: false,
    cancelAt: null,
    canceledAt: null,
    endedAt: null,
    trialStart: null,
    trialEnd: null,
    collectionMethod: "charge_automatically",
    pauseBehavior: null,
    pauseResumesAt: null,
    latestInvoice: null,
    discounts: [],
    items: [],
    ...over,
  };
}

/** What a provider said about one object, in the order in which it happened there. */
export interface History<S extends Snapshot> {
  readonly events: readonly { readonly stamp: Stamp; readonly snapshot: S }[];
}

/** A delivery of a history: which of its events arrive, in which order, how often. */
export function deliveries(length: number): fc.Arbitrary<readonly number[]> {
  const all = Array.from({ length }, (_, index) => index);
  return fc
    .tuple(
      fc.shuffledSubarray(all, { minLength: length }),
      fc.array(fc.integer({ min: 0, max: length - 1 }), { maxLength: 4 }),
    )
    .chain(([order, repeats]) =>
      fc.shuffledSubarray([...order, ...repeats], { minLength: order.length + repeats.length }),
    );
}

/**
 * Folds a delivery and answers every question that it raises as the provider would: with the state
 * after the last event, once everything that is in flight has arrived.
 */
export function settle<S extends Snapshot>(
  law: Law<S>,
  history: History<S>,
  delivery: readonly number[],
  watch?: (snapshot: S, watermark: string, stamp: Stamp) => void,
): { readonly held: Held<S> | null; readonly asked: number } {
  let held: Held<S> | null = null;
  let asked = 0;
  let atLeast = 0;
  const take = (stamp: Stamp, snapshot: S): boolean => {
    const folded = fold(law, held, { stamp, snapshot, text: JSON.stringify(snapshot) });
    held = folded.held;
    watch?.(snapshot, folded.watermark, stamp);
    return folded.unsettled;
  };
  for (const index of delivery) {
    const event = history.events[index];
    if (event !== undefined && take(event.stamp, event.snapshot)) {
      asked += 1;
      atLeast = Math.max(atLeast, event.stamp.atSeconds);
    }
  }
  if (asked > 0) {
    answer(history, atLeast, take);
  }
  return { held, asked };
}

/** The provider's present state, fetched a while after everything happened. */
export function answer<S extends Snapshot>(
  history: History<S>,
  atLeastSeconds: number,
  take: (stamp: Stamp, snapshot: S) => boolean,
): void {
  const last = history.events.at(-1);
  if (last !== undefined) {
    const fetchedAtSeconds = last.stamp.atSeconds + 60;
    take(
      aStamp({
        eventId: `fetch_${String(fetchedAtSeconds).padStart(11, "0")}_x`,
        eventType: "fetch",
        atSeconds: atLeastSeconds,
        typeRank: 9,
        fetchedAtSeconds,
      }),
      last.snapshot,
    );
  }
}
