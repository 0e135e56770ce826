import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ChargeSnapshot, PaymentIntentSnapshot, Stamp } from "./model.ts";
import { mergePayment } from "./payment.core.ts";
import { DEFAULT_PLANS, decidePlan } from "./plan.core.ts";
import { eventIdOf, secondsOf, watermarkOf } from "./stamp.core.ts";
import { amountOf, billingCycleOf } from "./subscription.core.ts";
import { HISTORIES, aStamp } from "./testing.ts";
import { type TierVote, tierOfOrganization } from "./tier.core.ts";

const stamps: fc.Arbitrary<Stamp> = fc
  .record({
    atSeconds: fc.integer({ min: 0, max: 99_999_999_999 }),
    typeRank: fc.constantFrom(0, 1, 2, 9),
    eventId: fc.stringMatching(/^evt_[A-Za-z0-9]{1,8}$/),
  })
  .map(aStamp);

describe("watermarks", () => {
  it("sort as strings by terminal state, then time, then type, then rank", () => {
    const parts = fc.tuple(stamps, fc.boolean(), fc.integer({ min: 0, max: 99 }));
    fc.assert(
      fc.property(parts, parts, ([a, aEnds, aRank], [b, bEnds, bRank]) => {
        const left = watermarkOf(a, aEnds, aRank);
        const right = watermarkOf(b, bEnds, bRank);
        const tuple = (stamp: Stamp, ends: boolean, rank: number) =>
          [Number(ends), stamp.atSeconds, stamp.typeRank, rank] as const;
        const [x, y] = [tuple(a, aEnds, aRank), tuple(b, bEnds, bRank)];
        const differs = x.findIndex((value, index) => value !== y[index]);
        const order = differs === -1 ? 0 : Math.sign((x[differs] ?? 0) - (y[differs] ?? 0));
        return order === 0 || (left < right ? -1 : 1) === order;
      }),
      { numRuns: HISTORIES },
    );
  });

  it("give back the second and the event that they were made of", () => {
    fc.assert(
      fc.property(stamps, fc.boolean(), (stamp, ends) => {
        const watermark = watermarkOf(stamp, ends, 7, 3);
        return secondsOf(watermark) === stamp.atSeconds && eventIdOf(watermark) === stamp.eventId;
      }),
    );
  });
});

describe("an organization's tier", () => {
  const tiers = fc.constantFrom("starter" as const, "pro" as const, "enterprise" as const, null);
  const votes: fc.Arbitrary<TierVote[]> = fc.array(
    fc.record({
      status: fc.constantFrom(
        "active" as const,
        "past_due" as const,
        "canceled" as const,
        "unpaid" as const,
      ),
      tier: tiers,
      mappedTier: tiers,
    }),
    { maxLength: 5 },
  );

  it("does not depend on the order of its subscriptions", () => {
    fc.assert(
      fc.property(
        votes.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, other]) => tierOfOrganization(list) === tierOfOrganization(other),
      ),
      { numRuns: HISTORIES },
    );
  });

  it("is not lowered when a live subscription's price loses its mapping", () => {
    const order = ["free", "starter", "pro", "enterprise"];
    fc.assert(
      fc.property(votes, fc.constantFrom("starter" as const, "pro" as const), (others, tier) => {
        const mapped = tierOfOrganization([
          ...others,
          { status: "active", tier, mappedTier: tier },
        ]);
        const unmapped = tierOfOrganization([
          ...others,
          { status: "active", tier: null, mappedTier: tier },
        ]);
        return order.indexOf(unmapped) >= order.indexOf(mapped);
      }),
      { numRuns: HISTORIES },
    );
  });

  it("is free without a live subscription, whatever was there before", () => {
    expect(
      tierOfOrganization([{ status: "canceled", tier: "enterprise", mappedTier: "enterprise" }]),
    ).toBe("free");
  });
});

function aCharge(over: Partial<ChargeSnapshot>): ChargeSnapshot {
  return {
    kind: "charge",
    id: "ch_1",
    customer: "cus_1",
    paymentIntent: "pi_1",
    invoice: null,
    status: "succeeded",
    amountMinor: 100,
    amountCapturedMinor: 100,
    amountRefundedMinor: 0,
    currency: "usd",
    created: 10,
    captured: true,
    disputed: false,
    failureCode: null,
    failureMessage: null,
    method: null,
    ...over,
  };
}
const INTENT: PaymentIntentSnapshot = {
  kind: "payment_intent",
  id: "pi_1",
  customer: "cus_1",
  status: "requires_payment_method",
  amountMinor: 100,
  amountReceivedMinor: 0,
  currency: "usd",
  created: 9,
  canceledAt: null,
  latestCharge: null,
  invoice: null,
  failureCode: null,
  failureMessage: null,
};

describe("a payment of several attempts", () => {
  const declined = aCharge({
    id: "ch_a",
    status: "failed",
    captured: false,
    created: 10,
    failureCode: "card_declined",
    failureMessage: "No.",
  });
  const paid = aCharge({ id: "ch_b", created: 11, amountRefundedMinor: 40 });

  it("succeeded if one did, whichever was heard of first", () => {
    for (const charges of [
      [declined, paid],
      [paid, declined],
    ]) {
      expect(mergePayment("pi_1", INTENT, charges)).toMatchObject({
        status: "succeeded",
        failureCode: null,
        amountRefundedMinor: 40,
        chargeIds: ["ch_a", "ch_b"],
        created: 9,
      });
    }
  });
  it("shows why it failed until one succeeds", () => {
    expect(mergePayment("pi_1", INTENT, [declined])).toMatchObject({
      status: "failed",
      failureCode: "card_declined",
    });
  });
  it("is known by its intent alone, or by its charge alone", () => {
    expect(mergePayment("pi_1", INTENT, [])).toMatchObject({ status: "requires_payment_method" });
    expect(mergePayment("pi_1", null, [paid])).toMatchObject({ status: "succeeded" });
    expect(mergePayment("pi_1", null, [])).toBeNull();
  });
});

describe("plans", () => {
  it("free is smaller than starter in every dimension, starter than pro", () => {
    const { free, starter, pro } = DEFAULT_PLANS;
    for (const [dimension, limit] of Object.entries(free.limits)) {
      const larger: Readonly<Record<string, number | null>> = starter.limits;
      const largest: Readonly<Record<string, number | null>> = pro.limits;
      expect(limit).toBeLessThan(larger[dimension] ?? 0);
      expect(larger[dimension]).toBeLessThan(largest[dimension] ?? 0);
    }
  });
  it("become unlimited by saying so, and limited only with every number", () => {
    expect(decidePlan(DEFAULT_PLANS.pro, { unlimited: true, limits: {} })).toMatchObject({
      kind: "changed",
      plan: { unlimited: true, version: 1, limits: { sites: null } },
    });
    expect(decidePlan(DEFAULT_PLANS.enterprise, { limits: { sites: 5 } }).kind).toBe("refused");
    expect(
      decidePlan(DEFAULT_PLANS.enterprise, { unlimited: false, limits: { sites: 5 } }).kind,
    ).toBe("refused");
    expect(decidePlan(DEFAULT_PLANS.pro, { limits: { sites: 10 } }).kind).toBe("unchanged");
  });
});

it.each([
  ["month", 1, "monthly"],
  ["year", 1, "annual"],
  ["month", 12, "annual"],
  ["month", 3, "quarterly"],
  ["month", 6, "semiannual"],
  ["week", 2, "every_2_weeks"],
] as const)("every %s x %i is %s", (interval, n, cycle) => {
  expect(billingCycleOf(interval, n)).toBe(cycle);
});

it("a subscription's amount counts licensed items by quantity, metered ones not, and is unknown with a price in tiers", () => {
  const item = {
    id: "si",
    price: "p",
    product: null,
    currency: "usd",
    interval: "month",
    intervalCount: 1,
    tierHint: null,
  };
  const seats = { ...item, quantity: 3, unitAmountMinor: 500, usageType: "licensed" };
  const calls = { ...item, quantity: null, unitAmountMinor: 1, usageType: "metered" };
  expect(amountOf([seats, calls])).toBe(1_500);
  expect(amountOf([seats, { ...seats, unitAmountMinor: null }])).toBeNull();
});
