import fc from "fast-check";

import { type Held, fold } from "./fold.core.ts";
import type { Snapshot, Stamp, SubscriptionSnapshot } from "./model.ts";
import { type Law, secondsOf } from "./stamp.core.ts";

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

/** One thing that happens to a row: an event arrives, or the provider is asked and answers. */
export type Happening =
  | { readonly kind: "event"; readonly index: number }
  /** Asked when so many more events than the newest delivered have happened there; `late`: in the very second of the next. */
  | { readonly kind: "fetch"; readonly ahead: number; readonly late: boolean };

/** A delivery with the provider asked in the midst of it, for a question of ours or by somebody's hand. */
export function withFetches(
  delivery: fc.Arbitrary<readonly number[]>,
): fc.Arbitrary<readonly Happening[]> {
  const fetches = fc.array(fc.record({ at: fc.nat(12), ahead: fc.nat(3), late: fc.boolean() }), {
    maxLength: 4,
  });
  return fc.tuple(delivery, fetches).map(([order, list]) => {
    const happenings: Happening[] = order.map((index) => ({ kind: "event", index }));
    for (const { at, ahead, late } of list) {
      happenings.splice(Math.min(at, happenings.length), 0, { kind: "fetch", ahead, late });
    }
    return happenings;
  });
}

/**
 * Folds a delivery with fetches in its midst as the queue does it: at most one question waits, a later
 * one finds it there and is dropped, and whoever answers it looks at the row first. A question that
 * still waits at the end is answered then.
 */
export function settleWithFetches<S extends Snapshot>(
  law: Law<S>,
  history: History<S>,
  happenings: readonly Happening[],
  watch?: (snapshot: S, watermark: string, stamp: Stamp) => void,
): Held<S> | null {
  let held: Held<S> | null = null;
  let waiting: number | null = null;
  let newest = -1;
  let fetches = 0;
  const take = (stamp: Stamp, snapshot: S): void => {
    const folded = fold(law, held, { stamp, snapshot, text: JSON.stringify(snapshot) });
    held = folded.held;
    watch?.(snapshot, folded.watermark, stamp);
    if (folded.unsettled) {
      waiting ??= stamp.atSeconds;
    }
  };
  const ask = (index: number, answeredAt: number): void => {
    const event = history.events[index];
    if (event === undefined) {
      return;
    }
    const known = Math.max(waiting ?? 0, secondsOf(held?.watermark ?? ""));
    waiting = null;
    fetches += 1;
    const fetchedAtSeconds = Math.max(answeredAt, known);
    const eventId = `fetch_${String(fetchedAtSeconds).padStart(11, "0")}_${fetches}`;
    take(
      aStamp({ eventId, eventType: "fetch", atSeconds: known, typeRank: 9, fetchedAtSeconds }),
      event.snapshot,
    );
  };
  const last = history.events.length - 1;
  const secondOf = (index: number): number => history.events[index]?.stamp.atSeconds ?? 0;
  for (const each of happenings) {
    if (each.kind === "event") {
      const event = history.events[each.index];
      if (event !== undefined) {
        newest = Math.max(newest, each.index);
        take(event.stamp, event.snapshot);
      }
    } else {
      const index = Math.min(Math.max(newest, 0) + each.ahead, last);
      newest = Math.max(newest, index);
      ask(index, each.late && index < last ? secondOf(index + 1) : secondOf(index));
    }
  }
  for (let turn = 1; turn <= 3; turn += 1) {
    if (waiting !== null) {
      ask(last, secondOf(last) + 60 * turn);
    }
  }
  if (waiting !== null) {
    throw new Error("The provider's answers raise questions without end.");
  }
  return held;
}
