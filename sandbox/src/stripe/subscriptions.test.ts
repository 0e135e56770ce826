import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  DAY,
  HOUR,
  openBench,
  productOf,
  START,
  subscriber,
  type Bench,
} from "#sandbox/testing/harness.test-kit.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const MONTH = 31 * DAY;

async function subscribe(card?: string) {
  const { customer, price } = await subscriber(bench.stripe, card);
  const subscription = await bench.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
  });
  return { customer, price, subscription };
}

describe("the first invoice", () => {
  test("is paid at once and announced in Stripe's order within one second", async () => {
    const { customer, price } = await subscriber(bench.stripe);
    const mark = bench.sandbox.world.events.size;
    const subscription = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect(subscription.status).toBe("active");
    expect(bench.types(mark).filter((type) => type !== "customer.updated")).toEqual([
      "customer.subscription.created",
      "invoice.created",
      "invoice.finalized",
      "payment_intent.created",
      "charge.succeeded",
      "payment_intent.succeeded",
      "invoice.updated",
      "invoice.paid",
      "invoice.payment_succeeded",
      "invoice_payment.paid",
      "customer.subscription.updated",
    ]);
    const times = new Set([...bench.sandbox.world.events.values()].map((event) => event.created));
    expect(times.size).toBe(1);
    const [item] = subscription.items.data;
    expect(item?.current_period_end).toBe((START + MONTH) / 1000);
  });

  test("leaves the subscription incomplete when the card fails, and expires it after 23 hours", async () => {
    const { subscription } = await subscribe("pm_card_chargeCustomerFail");
    expect(subscription.status).toBe("incomplete");
    bench.sandbox.advance(23 * HOUR);
    const after = await bench.stripe.subscriptions.retrieve(subscription.id, {
      expand: ["latest_invoice"],
    });
    expect(after.status).toBe("incomplete_expired");
    expect(after.latest_invoice).toMatchObject({ status: "void" });
  });

  test("is refused with error_if_incomplete, and nothing is left behind", async () => {
    const { customer, price } = await subscriber(bench.stripe, "pm_card_chargeCustomerFail");
    await expect(
      bench.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        payment_behavior: "error_if_incomplete",
      }),
    ).rejects.toMatchObject({ code: "card_declined", statusCode: 402 });
    expect(
      (await bench.stripe.subscriptions.list({ customer: customer.id, status: "all" })).data,
    ).toEqual([]);
  });

  test("without any payment method is refused as Stripe refuses it", async () => {
    const { price } = await subscriber(bench.stripe);
    const poor = await bench.stripe.customers.create({});
    await expect(
      bench.stripe.subscriptions.create({ customer: poor.id, items: [{ price: price.id }] }),
    ).rejects.toMatchObject({
      code: "resource_missing",
      statusCode: 400,
    });
  });
});

describe("renewals", () => {
  test("draft at the period's end and charge an hour later", async () => {
    const { subscription } = await subscribe();
    bench.sandbox.advance(MONTH);
    const drafted = await bench.stripe.subscriptions.retrieve(subscription.id, {
      expand: ["latest_invoice"],
    });
    expect(drafted.latest_invoice).toMatchObject({
      status: "draft",
      billing_reason: "subscription_cycle",
    });
    expect(drafted.items.data[0]?.current_period_start).toBe((START + MONTH) / 1000);
    bench.sandbox.advance(HOUR);
    const paid = await bench.stripe.subscriptions.retrieve(subscription.id, {
      expand: ["latest_invoice"],
    });
    expect(paid.latest_invoice).toMatchObject({ status: "paid", amount_paid: 2500 });
  });

  test("keep the anchor's day through short months", async () => {
    const { price } = await subscriber(bench.stripe);
    bench.sandbox.advance(26 * DAY); // 31 January
    const customer = await bench.stripe.customers.create({
      payment_method: "pm_card_visa",
      invoice_settings: { default_payment_method: "pm_card_visa" },
    });
    const { id } = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const ends: string[] = [];
    for (let month = 0; month < 3; month += 1) {
      const end =
        (await bench.stripe.subscriptions.retrieve(id)).items.data[0]?.current_period_end ?? 0;
      ends.push(new Intl.DateTimeFormat("en-CA", { timeZone: "UTC" }).format(end * 1000));
      bench.sandbox.advance(end * 1000 - bench.sandbox.world.clock.now() + HOUR);
    }
    expect(ends).toEqual(["2026-02-28", "2026-03-31", "2026-04-30"]);
  });

  test("that fail make the subscription past due, are retried, and end in cancellation", async () => {
    const { customer, subscription } = await subscribe();
    const bad = await bench.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
      customer: customer.id,
    });
    await bench.stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: bad.id },
    });
    bench.sandbox.advance(MONTH + HOUR);
    expect((await bench.stripe.subscriptions.retrieve(subscription.id)).status).toBe("past_due");
    expect(await bench.stripe.customers.retrieve(customer.id)).toMatchObject({ delinquent: true });
    const failures = () => bench.types().filter((type) => type === "invoice.payment_failed").length;
    expect(failures()).toBe(1);
    const counts: number[] = [];
    for (const days of [1, 3, 4, 6]) {
      bench.sandbox.advance(days * DAY - 1000);
      const before = failures();
      bench.sandbox.advance(1000);
      counts.push(failures() - before);
    }
    expect(counts).toEqual([1, 1, 1, 1]);
    const ended = await bench.stripe.subscriptions.retrieve(subscription.id);
    expect(ended.status).toBe("canceled");
    expect(ended.cancellation_details?.reason).toBe("payment_failed");
    expect(bench.types().at(-1)).toBe("customer.subscription.deleted");
  });

  test("that fail and are paid later make the subscription active again", async () => {
    const { customer, subscription } = await subscribe();
    const bad = await bench.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
      customer: customer.id,
    });
    await bench.stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: bad.id },
    });
    bench.sandbox.advance(MONTH + HOUR);
    const good = await bench.stripe.paymentMethods.attach("pm_card_visa", {
      customer: customer.id,
    });
    await bench.stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: good.id },
    });
    bench.sandbox.advance(DAY);
    expect((await bench.stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
    expect(await bench.stripe.customers.retrieve(customer.id)).toMatchObject({ delinquent: false });
  });
});

test("a renewal is announced a week ahead with what it will bill", async () => {
  const { subscription } = await subscribe();
  const invoices = bench.sandbox.world.tables.invoices.size;
  bench.sandbox.advance(MONTH - 7 * DAY);
  const [upcoming] = (await bench.stripe.events.list({ type: "invoice.upcoming" })).data;
  expect(upcoming?.data.object).toMatchObject({
    id: expect.stringMatching(/^upcoming_in_/u),
    amount_due: 2500,
    billing_reason: "upcoming",
    parent: { subscription_details: { subscription: subscription.id } },
  });
  expect(bench.sandbox.world.tables.invoices.size).toBe(invoices);
});

describe("changes", () => {
  test("from monthly to yearly four seconds after the start bill 225.00, as recorded from Stripe", async () => {
    const { price, subscription } = await subscribe();
    const yearly = await bench.stripe.prices.create({
      product: productOf(price),
      currency: "usd",
      unit_amount: 25_000,
      recurring: { interval: "year" },
    });
    bench.sandbox.advance(4000);
    const changed = await bench.stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? "", price: yearly.id }],
      proration_behavior: "always_invoice",
      expand: ["latest_invoice"],
    });
    expect(changed.latest_invoice).toMatchObject({
      amount_paid: 22_500,
      billing_reason: "subscription_update",
      status: "paid",
    });
  });

  test("within the interval prorate both ways to the second, and wait for the next invoice", async () => {
    const { price, subscription } = await subscribe();
    const bigger = await bench.stripe.prices.create({
      product: productOf(price),
      currency: "usd",
      unit_amount: 10_000,
      recurring: { interval: "month" },
    });
    bench.sandbox.advance(MONTH / 2);
    await bench.stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? "", price: bigger.id }],
    });
    bench.sandbox.advance(MONTH / 2 + HOUR);
    const [latest] = (await bench.stripe.invoices.list({ subscription: subscription.id })).data;
    expect(latest?.lines.data.map((line) => line.amount)).toEqual([-1250, 5000, 10_000]);
    expect(latest?.total).toBe(13_750);
  });

  test("can be previewed without changing anything", async () => {
    const { price, subscription } = await subscribe();
    const bigger = await bench.stripe.prices.create({
      product: productOf(price),
      currency: "usd",
      unit_amount: 10_000,
      recurring: { interval: "month" },
    });
    bench.sandbox.advance(MONTH / 2);
    const events = bench.sandbox.world.events.size;
    const preview = await bench.stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: {
        items: [{ id: subscription.items.data[0]?.id ?? "", price: bigger.id }],
        proration_behavior: "always_invoice",
      },
    });
    expect(preview.total).toBe(3750);
    expect(bench.sandbox.world.events.size).toBe(events);
    expect(
      (await bench.stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.price.id,
    ).toBe(price.id);
    expect(
      (await bench.stripe.invoices.createPreview({ subscription: subscription.id })).total,
    ).toBe(2500);
  });

  test("of discounts take their share of the next invoice and end after their months", async () => {
    const { subscription } = await subscribe();
    const coupon = await bench.stripe.coupons.create({
      percent_off: 20,
      duration: "repeating",
      duration_in_months: 2,
    });
    await bench.stripe.subscriptions.update(subscription.id, {
      discounts: [{ coupon: coupon.id }],
    });
    bench.sandbox.advance(100 * DAY);
    const totals = (await bench.stripe.invoices.list({ subscription: subscription.id })).data.map(
      (invoice) => invoice.total,
    );
    // April, March (the two months end on its renewal), February, and January from before the coupon.
    expect(totals).toEqual([2500, 2500, 2000, 2500]);
  });
});

describe("endings and pauses", () => {
  test("a pending cancellation ends the subscription at the period's end, not before", async () => {
    const { subscription } = await subscribe();
    const pending = await bench.stripe.subscriptions.update(subscription.id, {
      cancel_at_period_end: true,
    });
    expect(pending.cancel_at).toBe((START + MONTH) / 1000);
    bench.sandbox.advance(MONTH - 1000);
    expect((await bench.stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
    bench.sandbox.advance(1000);
    const ended = await bench.stripe.subscriptions.retrieve(subscription.id);
    expect(ended.status).toBe("canceled");
    expect(ended.ended_at).toBe((START + MONTH) / 1000);
  });

  test("cancelling with prorate and invoice_now credits the unused time to the customer", async () => {
    const { customer, subscription } = await subscribe();
    bench.sandbox.advance(MONTH / 2);
    await bench.stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true });
    expect(await bench.stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -1250 });
  });

  test("a trial costs nothing, warns three days ahead and then bills", async () => {
    const { customer, price } = await subscriber(bench.stripe);
    const trial = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 14,
    });
    expect(trial.status).toBe("trialing");
    bench.sandbox.advance(11 * DAY);
    expect(bench.types().at(-1)).toBe("customer.subscription.trial_will_end");
    bench.sandbox.advance(3 * DAY + HOUR);
    const totals = (await bench.stripe.invoices.list({ subscription: trial.id })).data.map(
      (invoice) => [invoice.total, invoice.status],
    );
    expect(totals).toEqual([
      [2500, "paid"],
      [0, "paid"],
    ]);
    expect((await bench.stripe.subscriptions.retrieve(trial.id)).status).toBe("active");
  });

  test("a trial without a card pauses when it says so, and resumes", async () => {
    const { price } = await subscriber(bench.stripe);
    const poor = await bench.stripe.customers.create({});
    const trial = await bench.stripe.subscriptions.create({
      customer: poor.id,
      items: [{ price: price.id }],
      trial_period_days: 7,
      trial_settings: { end_behavior: { missing_payment_method: "pause" } },
    });
    bench.sandbox.advance(7 * DAY);
    expect((await bench.stripe.subscriptions.retrieve(trial.id)).status).toBe("paused");
    const card = await bench.stripe.paymentMethods.attach("pm_card_visa", { customer: poor.id });
    await bench.stripe.customers.update(poor.id, {
      invoice_settings: { default_payment_method: card.id },
    });
    expect((await bench.stripe.subscriptions.resume(trial.id)).status).toBe("active");
    expect(bench.types()).toContain("customer.subscription.resumed");
  });

  test("a paused collection voids the renewals until it is resumed", async () => {
    const { subscription } = await subscribe();
    await bench.stripe.subscriptions.update(subscription.id, {
      pause_collection: { behavior: "void" },
    });
    bench.sandbox.advance(MONTH + HOUR);
    const [latest] = (await bench.stripe.invoices.list({ subscription: subscription.id })).data;
    expect(latest?.status).toBe("void");
    const resumed = await bench.stripe.subscriptions.update(subscription.id, {
      pause_collection: "",
    });
    expect(resumed.pause_collection).toBeNull();
  });

  test("a test clock carries its own customers through a renewal and nobody else", async () => {
    const other = await subscribe();
    const clock = await bench.stripe.testHelpers.testClocks.create({ frozen_time: START / 1000 });
    const customer = await bench.stripe.customers.create({
      test_clock: clock.id,
      payment_method: "pm_card_visa",
      invoice_settings: { default_payment_method: "pm_card_visa" },
    });
    const mine = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: other.price.id }],
    });
    await bench.stripe.testHelpers.testClocks.advance(clock.id, {
      frozen_time: (START + 65 * DAY) / 1000,
    });
    expect((await bench.stripe.testHelpers.testClocks.retrieve(clock.id)).status).toBe("ready");
    expect(
      (await bench.stripe.invoices.list({ subscription: mine.id })).data.map(
        (invoice) => invoice.status,
      ),
    ).toEqual(["paid", "paid", "paid"]);
    expect(
      (await bench.stripe.invoices.list({ subscription: other.subscription.id })).data,
    ).toHaveLength(1);
  });
});
