import Stripe from "stripe";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { type Sandbox, startSandbox } from "../../sandbox/src/start.ts";
import type { SubscriptionSnapshot } from "../../server/src/domains/billing/model.ts";
import type { BillingProvider } from "../../server/src/domains/billing/ports.ts";
import { fakeProvider } from "../../server/src/domains/billing/provider.testing.ts";
import { aSubscriptionSnapshot } from "../../server/src/domains/billing/testing.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
import { openStripe } from "../../server/src/providers/stripe/client.ts";

/** One provider under test, with the means to prepare it from behind. */
interface Bench {
  readonly provider: () => BillingProvider;
  /** A live subscription. */
  readonly subscription: () => Promise<string>;
  readonly turnAwayNext: () => void;
  readonly loseNextAnswer: () => void;
  /** Back to a good day, with no memory of bad ones. */
  readonly calm: () => void;
}

const KEY = "sk_test_conformance_0000";

function onSandbox(): Bench & { start(): Promise<void>; stop(): Promise<void> } {
  let sandbox: Sandbox;
  let stripe: Stripe;
  let provider: BillingProvider;
  const open = (): BillingProvider =>
    openStripe({
      apiKey: KEY,
      apiBase: sandbox.stripeUrl,
      clock: systemClock,
      timeoutMs: 2_000,
      maxNetworkRetries: 0,
    });
  return {
    provider: () => provider,
    start: async () => {
      sandbox = await startSandbox();
      stripe = new Stripe(KEY, {
        host: "127.0.0.1",
        port: sandbox.stripePort,
        protocol: "http",
        telemetry: false,
      });
    },
    stop: () => sandbox.stop(),
    calm: () => {
      sandbox.setFaults({ api: { rateLimited: 0, hangUpAfterWork: 0 } });
      provider = open();
    },
    turnAwayNext: () => sandbox.setFaults({ api: { rateLimited: 1, retryAfter: 7 } }),
    loseNextAnswer: () => sandbox.setFaults({ api: { hangUpAfterWork: 1 } }),
    subscription: async () => {
      const product = await stripe.products.create({ name: "Pro" });
      const price = await stripe.prices.create({
        product: product.id,
        currency: "usd",
        unit_amount: 4900,
        recurring: { interval: "month" },
      });
      const customer = await stripe.customers.create({
        email: "a@example.test",
        payment_method: "pm_card_visa",
        invoice_settings: { default_payment_method: "pm_card_visa" },
      });
      const made = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
      });
      return made.id;
    },
  };
}

function inMemory(): Bench & { start(): Promise<void>; stop(): Promise<void> } {
  const fake = fakeProvider(systemClock);
  let n = 0;
  return {
    provider: () => fake,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    calm: () => undefined,
    turnAwayNext: fake.turnAwayNext,
    loseNextAnswer: fake.loseNextAnswer,
    subscription: () => {
      n += 1;
      const snapshot: SubscriptionSnapshot = aSubscriptionSnapshot({ id: `sub_fake${n}` });
      fake.put(snapshot);
      return Promise.resolve(snapshot.id);
    },
  };
}

describe.each([
  ["the Stripe adapter on the sandbox", onSandbox()],
  ["the fake in memory", inMemory()],
] as const)("%s", (_name, bench) => {
  beforeAll(() => bench.start());
  afterAll(() => bench.stop());
  beforeEach(() => {
    bench.calm();
  });
  const state = async (id: string) => {
    const answer = await bench.provider().fetch("subscription", id);
    return answer.kind === "done" && answer.value?.kind === "subscription" ? answer.value : null;
  };

  it("fetches a subscription as it is now", async () => {
    const id = await bench.subscription();
    expect(await state(id)).toMatchObject({ id, status: "active", cancelAtPeriodEnd: false });
  });

  it("answers null for what the provider does not know", async () => {
    expect(await bench.provider().fetch("subscription", "sub_nobody")).toMatchObject({
      kind: "done",
      value: null,
    });
  });

  it("lets a subscription end with its period, and shows it at once", async () => {
    const id = await bench.subscription();
    const wish = { when: "period_end", prorate: false } as const;
    const answer = await bench
      .provider()
      .cancelSubscription(id, wish, { idempotencyKey: `k_${id}` });
    expect(answer).toMatchObject({ kind: "done", value: { id, cancelAtPeriodEnd: true } });
    const again = await bench
      .provider()
      .cancelSubscription(id, wish, { idempotencyKey: `k_${id}` });
    expect(again.kind).toBe("done");
    expect(await state(id)).toMatchObject({ status: "active", cancelAtPeriodEnd: true });
  });

  it("cancels now; the same key again acts no second time", async () => {
    const id = await bench.subscription();
    const wish = { when: "now", prorate: false } as const;
    const key = { idempotencyKey: `k_${id}` };
    const first = await bench.provider().cancelSubscription(id, wish, key);
    const second = await bench.provider().cancelSubscription(id, wish, key);
    expect(first).toMatchObject({ kind: "done", value: { status: "canceled" } });
    // Stripe keeps no keys for DELETE: there the repeat finds nothing left to cancel.
    expect(["done", "refused"]).toContain(second.kind);
    expect(await state(id)).toMatchObject({ status: "canceled" });
  });

  it("refuses to cancel what has ended, with another key", async () => {
    const id = await bench.subscription();
    const wish = { when: "now", prorate: false } as const;
    await bench.provider().cancelSubscription(id, wish, { idempotencyKey: `a_${id}` });
    expect(
      await bench.provider().cancelSubscription(id, wish, { idempotencyKey: `b_${id}` }),
    ).toMatchObject({ kind: "refused" });
  });

  it("says unavailable when it is turned away, and has done nothing", async () => {
    const id = await bench.subscription();
    bench.turnAwayNext();
    const wish = { when: "now", prorate: false } as const;
    const answer = await bench
      .provider()
      .cancelSubscription(id, wish, { idempotencyKey: `k_${id}` });
    expect(answer.kind).toBe("unavailable");
    bench.calm();
    expect(await state(id)).toMatchObject({ status: "active" });
  });

  it("says unknown when the answer is lost after the act, and a look tells", async () => {
    const id = await bench.subscription();
    bench.loseNextAnswer();
    const wish = { when: "now", prorate: false } as const;
    const answer = await bench
      .provider()
      .cancelSubscription(id, wish, { idempotencyKey: `k_${id}` });
    expect(answer.kind).toBe("unknown");
    bench.calm();
    expect(await state(id)).toMatchObject({ status: "canceled" });
  });
});
