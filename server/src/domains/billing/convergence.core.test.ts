import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Held, fold } from "./fold.core.ts";
import { invoiceLaw } from "./invoice.core.ts";
import type {
  InvoiceSnapshot,
  InvoiceStatus,
  Snapshot,
  Stamp,
  SubscriptionSnapshot,
  SubscriptionStatus,
} from "./model.ts";
import { watermarkOf } from "./stamp.core.ts";
import { NO_HISTORY, observe, pastDueSince, subscriptionLaw } from "./subscription.core.ts";
import {
  HISTORIES,
  type History,
  aStamp,
  aSubscriptionSnapshot,
  answer,
  deliveries,
  settle,
  settleWithFetches,
  withFetches,
} from "./testing.ts";

/** Where Stripe lets a subscription go from each state. */
const NEXT: Readonly<Record<SubscriptionStatus, readonly SubscriptionStatus[]>> = {
  incomplete: ["active", "active", "trialing", "incomplete_expired"],
  trialing: ["active", "past_due", "paused", "canceled"],
  active: ["active", "active", "past_due", "canceled"],
  past_due: ["active", "past_due", "unpaid", "canceled"],
  unpaid: ["active", "canceled"],
  paused: ["active", "canceled"],
  incomplete_expired: [],
  canceled: [],
};

interface Step {
  readonly pick: number;
  /** 0: within the same second as the step before. */
  readonly wait: number;
  readonly toggles: boolean;
  /** Few, so that states come back: what happened in between can then only be told by asking. */
  readonly invoice: number;
  readonly id: number;
}

const steps = (waits: readonly number[]) =>
  fc.array(
    fc.record({
      pick: fc.nat(11),
      wait: fc.constantFrom(...waits),
      toggles: fc.boolean(),
      invoice: fc.nat(1),
      id: fc.nat(999_999),
    }),
    { minLength: 1, maxLength: 9 },
  );

function lives(list: readonly Step[]): History<SubscriptionSnapshot> {
  let at = 1_000;
  let state = aSubscriptionSnapshot({ status: "incomplete" });
  const events: { stamp: Stamp; snapshot: SubscriptionSnapshot }[] = [
    {
      stamp: aStamp({ eventId: "evt_0_created", atSeconds: at, typeRank: 0 }),
      snapshot: state,
    },
  ];
  for (const [index, step] of list.entries()) {
    const next = NEXT[state.status];
    const status = next[step.pick % Math.max(next.length, 1)];
    if (status === undefined) {
      break;
    }
    at += step.wait;
    const before = state;
    const ended = status === "canceled" || status === "incomplete_expired";
    state = aSubscriptionSnapshot({
      status,
      cancelAtPeriodEnd: before.cancelAtPeriodEnd !== step.toggles,
      latestInvoice: `in_${step.invoice}`,
      endedAt: ended ? at : null,
    });
    const previous = {
      ...(before.status === status ? {} : { status: before.status }),
      ...(step.toggles ? { cancel_at_period_end: before.cancelAtPeriodEnd } : {}),
      ...(before.latestInvoice === state.latestInvoice
        ? {}
        : { latest_invoice: before.latestInvoice }),
    };
    events.push({
      // Ids say nothing about order.
      stamp: aStamp({
        eventId: `evt_${step.id}_${index}`,
        atSeconds: at,
        typeRank: status === "canceled" ? 2 : 1,
        previous,
      }),
      snapshot: state,
    });
  }
  return { events };
}

const withHappenings = <S extends Snapshot>(histories: fc.Arbitrary<History<S>>) =>
  histories.chain((history) =>
    fc.tuple(fc.constant(history), withFetches(deliveries(history.events.length))),
  );

const withDelivery = <S extends Snapshot>(histories: fc.Arbitrary<History<S>>) =>
  histories.chain((history) => fc.tuple(fc.constant(history), deliveries(history.events.length)));

function last<T>(list: readonly T[]): T {
  const value = list.at(-1);
  if (value === undefined) {
    throw new Error("empty");
  }
  return value;
}

const runs = { numRuns: HISTORIES };

describe("a subscription converges", () => {
  it("to the provider's state, whatever the order and however often, ties within a second included", () => {
    fc.assert(
      fc.property(withDelivery(steps([0, 0, 1, 30]).map(lives)), ([history, delivery]) => {
        const { held } = settle(subscriptionLaw, history, delivery);
        expect(JSON.parse(held?.text ?? "null")).toEqual(last(history.events).snapshot);
      }),
      runs,
    );
  });

  it("and is asked about when a state comes back within the second and its middle is late", () => {
    const state = (status: SubscriptionStatus) => aSubscriptionSnapshot({ status });
    const event = (letter: string, atSeconds: number, previous: Stamp["previous"]) =>
      aStamp({ eventId: `evt_${letter}`, atSeconds, previous });
    const history: History<SubscriptionSnapshot> = {
      events: [
        { stamp: event("a", 100, null), snapshot: state("active") },
        { stamp: event("b", 200, { status: "active" }), snapshot: state("past_due") },
        { stamp: event("c", 200, { status: "past_due" }), snapshot: state("active") },
      ],
    };
    const { held, asked } = settle(subscriptionLaw, history, [0, 2, 1]);
    expect(asked).toBe(1);
    expect(heldText(held)).toMatchObject({ status: "active" });
  });

  it("to the provider's state with the provider asked in the midst of it", () => {
    fc.assert(
      fc.property(withHappenings(steps([0, 0, 1, 30]).map(lives)), ([history, happenings]) => {
        const held = settleWithFetches(subscriptionLaw, history, happenings);
        expect(heldText(held)).toEqual(last(history.events).snapshot);
      }),
      runs,
    );
  });

  it("without asking anybody where no two changes share a second", () => {
    fc.assert(
      fc.property(withDelivery(steps([1, 2, 30]).map(lives)), ([history, delivery]) => {
        const { held, asked } = settle(subscriptionLaw, history, delivery);
        expect(asked).toBe(0);
        expect(JSON.parse(held?.text ?? "null")).toEqual(last(history.events).snapshot);
      }),
      runs,
    );
  });

  it("after any loss, once it is fetched, and stays so when the lost events come after all", () => {
    fc.assert(
      fc.property(
        withDelivery(steps([0, 1, 30]).map(lives)),
        fc.nat(8),
        ([history, delivery], lost) => {
          let held: Held<SubscriptionSnapshot> | null = null;
          let open = 0;
          const take = (stamp: Stamp, snapshot: SubscriptionSnapshot): boolean => {
            const text = JSON.stringify(snapshot);
            const folded = fold(subscriptionLaw, held, { stamp, snapshot, text });
            held = folded.held;
            open = folded.unsettled ? Math.max(open, stamp.atSeconds) : open;
            return folded.unsettled;
          };
          const deliver = (index: number): void => {
            const event = history.events[index];
            if (event !== undefined) {
              take(event.stamp, event.snapshot);
            }
          };
          const kept = delivery.slice(lost);
          kept.forEach(deliver);
          const known = Math.max(
            0,
            ...kept.map((index) => history.events[index]?.stamp.atSeconds ?? 0),
          );
          answer(history, known, take);
          expect(heldText(held)).toEqual(last(history.events).snapshot);
          open = 0;
          delivery.slice(0, lost).forEach(deliver);
          if (open > 0) {
            answer(history, open, take);
          }
          expect(heldText(held)).toEqual(last(history.events).snapshot);
        },
      ),
      runs,
    );
  });

  it("to the same entry into past_due, whatever the order", () => {
    fc.assert(
      fc.property(withDelivery(steps([1, 7, 30]).map(lives)), ([history, delivery]) => {
        let seen = NO_HISTORY;
        settle(subscriptionLaw, history, delivery, (snapshot, watermark, stamp) => {
          seen = observe(seen, snapshot, watermark, stamp.fetchedAtSeconds);
        });
        const events = history.events;
        const settledAt = events.findLastIndex((each) => each.snapshot.status !== "past_due");
        const entry = events[settledAt + 1]?.stamp.atSeconds ?? null;
        expect(pastDueSince(seen, last(events).snapshot.status)).toBe(entry);
      }),
      runs,
    );
  });

  it("to the same entry into past_due with the provider asked in the midst of it", () => {
    fc.assert(
      fc.property(withHappenings(steps([1, 7, 30]).map(lives)), ([history, happenings]) => {
        let seen = NO_HISTORY;
        settleWithFetches(subscriptionLaw, history, happenings, (snapshot, watermark, stamp) => {
          seen = observe(seen, snapshot, watermark, stamp.fetchedAtSeconds);
        });
        const events = history.events;
        const settledAt = events.findLastIndex((each) => each.snapshot.status !== "past_due");
        const entry = events[settledAt + 1]?.stamp.atSeconds ?? null;
        expect(pastDueSince(seen, last(events).snapshot.status)).toBe(entry);
      }),
      runs,
    );
  });

  it.each([
    ["in their order", [0, 1]],
    ["the answer first", [1, 0]],
  ])("to the newest moment in order, where only an answer says past_due: %s", (_, order) => {
    const active = aSubscriptionSnapshot({ status: "active", periodStart: 50 });
    const pastDue = aSubscriptionSnapshot({ status: "past_due", periodStart: 50 });
    const told = [
      [active, watermarkOf(aStamp({ eventId: "evt_x", atSeconds: 100 }), false, 2), null],
      [
        pastDue,
        watermarkOf(aStamp({ eventId: "fetch_1", atSeconds: 200, typeRank: 9 }), false, 0),
        200,
      ],
    ] as const;
    let seen = NO_HISTORY;
    for (const index of order) {
      const [snapshot, watermark, fetchedAt] = told[index] ?? told[0];
      seen = observe(seen, snapshot, watermark, fetchedAt);
    }
    expect(pastDueSince(seen, "past_due")).toBe(100);
  });

  it("never back to life: an update that comes after the end changes nothing", () => {
    const ended = aSubscriptionSnapshot({ status: "canceled", endedAt: 1_500 });
    const first = fold(subscriptionLaw, null, {
      stamp: aStamp({ eventId: "evt_end", atSeconds: 1_500, typeRank: 2 }),
      snapshot: ended,
      text: JSON.stringify(ended),
    });
    const late = aSubscriptionSnapshot({ status: "active" });
    const second = fold(subscriptionLaw, first.held, {
      stamp: aStamp({ eventId: "evt_late", atSeconds: 1_600 }),
      snapshot: late,
      text: JSON.stringify(late),
    });
    expect(second).toMatchObject({ verdict: "older", by: "evt_end", unsettled: false });
  });
});

function heldText(held: Held<SubscriptionSnapshot> | null): unknown {
  return JSON.parse(held?.text ?? "null");
}

describe("an invoice converges", () => {
  const ways: readonly (readonly InvoiceStatus[])[] = [
    ["draft", "open", "paid"],
    ["draft", "open", "open", "open", "paid"],
    ["draft", "open", "open", "uncollectible", "paid"],
    ["draft", "open", "void"],
    ["draft", "deleted"],
  ];
  const histories = fc
    .tuple(
      fc.constantFrom(...ways),
      fc.array(fc.constantFrom(0, 0, 1, 60), { minLength: 6, maxLength: 6 }),
    )
    .map(([way, waits]): History<InvoiceSnapshot> => {
      let at = 1_000;
      let attempts = 0;
      const events = way.map((status, index) => {
        at += index === 0 ? 0 : (waits[index] ?? 0);
        attempts += way[index - 1] === "open" && status === "open" ? 1 : 0;
        return {
          stamp: aStamp({
            eventId: `evt_${(index * 7) % 5}`,
            eventType: "invoice.updated",
            atSeconds: at,
            typeRank: index === 0 ? 0 : 1,
          }),
          snapshot: anInvoice({ status, attemptCount: attempts }),
        };
      });
      return { events };
    });

  it("in any order without ever asking: its states only go forward, so they settle their own ties", () => {
    fc.assert(
      fc.property(withDelivery(histories), ([history, delivery]) => {
        const { held, asked } = settle(invoiceLaw, history, delivery);
        expect(asked).toBe(0);
        expect(JSON.parse(held?.text ?? "null")).toEqual(last(history.events).snapshot);
      }),
      runs,
    );
  });
});

function anInvoice(over: Partial<InvoiceSnapshot>): InvoiceSnapshot {
  return {
    kind: "invoice",
    id: "in_1",
    customer: "cus_1",
    subscription: null,
    status: "draft",
    number: null,
    currency: "usd",
    totalMinor: 100,
    amountDueMinor: 100,
    amountPaidMinor: 0,
    amountRemainingMinor: 100,
    taxMinor: 0,
    created: 1_000,
    periodStart: 1_000,
    periodEnd: 1_000,
    dueAt: null,
    paidAt: null,
    finalizedAt: null,
    voidedAt: null,
    attemptCount: 0,
    nextPaymentAttempt: null,
    billingReason: null,
    collectionMethod: null,
    hostedUrl: null,
    pdfUrl: null,
    paymentIntent: null,
    charge: null,
    ...over,
  };
}
