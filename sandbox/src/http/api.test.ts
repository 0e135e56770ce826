import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { clientFor, openBench, subscriber, type Bench } from "#sandbox/testing/harness.test-kit.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

interface Init {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function raw(path: string, init: Init = {}): Promise<Response> {
  return await fetch(`${bench.sandbox.stripeUrl}${path}`, {
    ...init,
    headers: { authorization: "Bearer sk_test_0123456789abcdef", ...init.headers },
  });
}

describe("idempotency keys", () => {
  test("give the same answer to the same request and do the work once", async () => {
    const first = await bench.stripe.customers.create(
      { email: "a@example.com" },
      { idempotencyKey: "k1" },
    );
    const second = await bench.stripe.customers.create(
      { email: "a@example.com" },
      { idempotencyKey: "k1" },
    );
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
    expect(bench.sandbox.world.tables.customers.size).toBe(1);
  });

  test("are refused with other parameters", async () => {
    await bench.stripe.customers.create({ email: "a@example.com" }, { idempotencyKey: "k1" });
    await expect(
      bench.stripe.customers.create({ email: "b@example.com" }, { idempotencyKey: "k1" }),
    ).rejects.toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });

  test("answer 409 while the first request is under way", async () => {
    bench.sandbox.setFaults({ api: { slowMs: 200 } });
    const post = () =>
      raw("/v1/customers", {
        method: "POST",
        headers: { "idempotency-key": "k1" },
        body: "email=a%40example.com",
      });
    const answers = await Promise.all([post(), post()]);
    expect(answers.map((answer) => answer.status).toSorted((left, right) => left - right)).toEqual([
      200, 409,
    ]);
  });

  test("stay free when the request was refused for its parameters", async () => {
    const create = (charge: string) =>
      bench.stripe.refunds.create({ charge }, { idempotencyKey: "k3" });
    await expect(create("ch_nothing")).rejects.toMatchObject({ code: "resource_missing" });
    await bench.stripe.paymentIntents.create({
      amount: 100,
      currency: "usd",
      payment_method: "pm_card_visa",
      confirm: true,
    });
    const [charge] = (await bench.stripe.charges.list()).data;
    expect((await create(charge?.id ?? "")).amount).toBe(100);
  });

  test("keep a declined card declined", async () => {
    const pay = () =>
      bench.stripe.paymentIntents.create(
        {
          amount: 100,
          currency: "usd",
          payment_method: "pm_card_visa_chargeDeclined",
          confirm: true,
        },
        { idempotencyKey: "k2" },
      );
    await expect(pay()).rejects.toMatchObject({ code: "card_declined" });
    await expect(pay()).rejects.toMatchObject({ code: "card_declined" });
    expect(bench.sandbox.world.tables.charges.size).toBe(1);
  });
});

describe("errors", () => {
  test("a missing object is 404 resource_missing with the request's id", async () => {
    await expect(bench.stripe.customers.retrieve("cus_nobody")).rejects.toMatchObject({
      statusCode: 404,
      code: "resource_missing",
      param: "id",
      requestId: expect.stringMatching(/^req_/u),
      doc_url: "https://stripe.com/docs/error-codes/resource-missing",
    });
  });

  test("an unknown parameter is named", async () => {
    const answer = await raw("/v1/customers", { method: "POST", body: "bogus=1" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: "parameter_unknown", param: "bogus" },
    });
  });

  test("parameters of older versions are unknown to the current one", async () => {
    const post = (version: string) =>
      raw("/v1/customers", {
        method: "POST",
        body: "coupon=x",
        headers: { "stripe-version": version },
      });
    expect(await (await post("2026-10-28.endive")).json()).toMatchObject({
      error: { code: "parameter_unknown" },
    });
    expect(await (await post("2023-08-16")).json()).toMatchObject({
      error: { code: "resource_missing" },
    });
  });

  test("no key, a live key and an impossible version are refused", async () => {
    const statuses = await Promise.all(
      [
        { authorization: "" },
        { authorization: "Bearer sk_live_0123456789" },
        { "stripe-version": "2999-01-01" },
      ].map(async (headers) => (await raw("/v1/customers", { headers })).status),
    );
    expect(statuses).toEqual([401, 401, 400]);
  });

  test("hostile form keys are only keys", async () => {
    const answer = await raw("/v1/customers", {
      method: "POST",
      body: "metadata[__proto__]=x&metadata[constructor]=y",
    });
    expect(answer.status).toBe(200);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });
});

describe("lists", () => {
  test("are walked newest first by cursor, without gaps or repeats", async () => {
    const made: string[] = [];
    for (let at = 0; at < 25; at += 1) {
      made.push((await bench.stripe.customers.create({})).id);
    }
    const seen: string[] = [];
    for await (const customer of bench.stripe.customers.list({ limit: 10 })) {
      seen.push(customer.id);
    }
    expect(seen).toEqual(made.toReversed());
    const back = await bench.stripe.customers.list({ limit: 5, ending_before: seen[10] ?? "" });
    expect(back.data.map((customer) => customer.id)).toEqual(seen.slice(5, 10));
    expect(back.has_more).toBe(true);
  });

  test("are filtered by creation time", async () => {
    await bench.stripe.customers.create({});
    bench.sandbox.advance(60_000);
    const later = await bench.stripe.customers.create({});
    const found = await bench.stripe.customers.list({ created: { gte: later.created } });
    expect(found.data.map((customer) => customer.id)).toEqual([later.id]);
  });
});

describe("expansion", () => {
  test("follows ids through lists and includes what is left out otherwise", async () => {
    const { customer, price } = await subscriber(bench.stripe);
    await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const list = await bench.stripe.subscriptions.list({
      expand: [
        "data.customer",
        "data.latest_invoice.payments.data.payment.payment_intent",
        "data.items.data.price.product",
      ].slice(0, 1),
    });
    expect(list.data[0]?.customer).toMatchObject({ object: "customer", id: customer.id });
    const one = await bench.stripe.invoices.list({ expand: ["data.payments"] });
    expect(one.data[0]?.payments?.data[0]).toMatchObject({
      object: "invoice_payment",
      status: "paid",
    });
  });

  test("of something that cannot be expanded is refused", async () => {
    const { customer } = await subscriber(bench.stripe);
    await expect(
      bench.stripe.customers.retrieve(customer.id, { expand: ["email"] }),
    ).rejects.toMatchObject({ statusCode: 400 });
  });
});

describe("faults", () => {
  test("429 carries Retry-After and does no work", async () => {
    bench.sandbox.setFaults({ api: { rateLimited: 1, retryAfter: 7 } });
    const answer = await raw("/v1/customers", { method: "POST", body: "" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(bench.sandbox.world.tables.customers.size).toBe(0);
  });

  test("500 after the work leaves the work done, and the key remembers the 500", async () => {
    bench.sandbox.setFaults({ api: { failAfterWork: 1 } });
    const create = () => bench.stripe.customers.create({}, { idempotencyKey: "k9" });
    await expect(create()).rejects.toMatchObject({ statusCode: 500 });
    bench.sandbox.setFaults({ api: { failAfterWork: 0 } });
    await expect(create()).rejects.toMatchObject({ statusCode: 500 });
    expect(bench.sandbox.world.tables.customers.size).toBe(1);
  });

  test("a connection cut after the work is repaired by the SDK's own retry with the same key", async () => {
    bench.sandbox.setFaults({ api: { hangUpAfterWork: 1 } });
    const pending = bench.stripe.customers.create({ email: "a@example.com" });
    await expect.poll(() => bench.sandbox.world.tables.customers.size).toBe(1);
    bench.sandbox.setFaults({ api: { hangUpAfterWork: 0 } });
    expect((await pending).email).toBe("a@example.com");
    expect(bench.sandbox.world.tables.customers.size).toBe(1);
  });

  test("an outage is no answer at all", async () => {
    bench.sandbox.setFaults({ api: { outage: true } });
    await expect(clientFor(bench.sandbox).balance.retrieve()).rejects.toBeInstanceOf(
      Stripe.errors.StripeConnectionError,
    );
  });

  test("are refused when they do not exist", () => {
    expect(() => bench.sandbox.setFaults({ api: { nonsense: 1 } })).toThrow(TypeError);
  });
});

test("two sandboxes with one seed and the same requests have the same history", async () => {
  const other = await openBench();
  const histories = [];
  for (const one of [bench, other]) {
    one.sandbox.scenarios.prepareDemo(8);
    one.sandbox.scenarios.emit(50, 4);
    histories.push(
      [...one.sandbox.world.events.values()].map((event) => [event.id, event.type, event.created]),
    );
  }
  await other.close();
  expect(histories[0]).toEqual(histories[1]);
  expect(histories[0]?.length).toBeGreaterThan(100);
});
