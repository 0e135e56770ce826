import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  HOUR,
  openBench,
  openReceiver,
  type Bench,
  type Receiver,
} from "#sandbox/testing/harness.test-kit.ts";

const SECRET = "whsec_test_secret_of_the_endpoint";
let bench: Bench;
let hook: Receiver;
beforeEach(async () => {
  [bench, hook] = await Promise.all([openBench(), openReceiver()]);
});
afterEach(async () => {
  await Promise.all([bench.close(), hook.close()]);
});

function listenTo(): void {
  bench.sandbox.addEndpoint({ url: hook.url, secret: SECRET });
}

function accepted(): Stripe.Event[] {
  return hook.received.map(({ body, signature }) =>
    bench.stripe.webhooks.constructEvent(body, signature, SECRET),
  );
}

test("deliveries are pretty-printed, signed as the SDK verifies, and name the request that caused them", async () => {
  listenTo();
  const customer = await bench.stripe.customers.create(
    { email: "a@example.com" },
    { idempotencyKey: "key-1" },
  );
  await bench.sandbox.delivery.idle();
  const [event] = accepted();
  expect(event).toMatchObject({
    object: "event",
    type: "customer.created",
    api_version: "2026-10-28.endive",
    data: { object: { id: customer.id } },
    request: { id: customer.lastResponse.requestId, idempotency_key: "key-1" },
  });
  expect(hook.received[0]?.body.startsWith('{\n  "id": "evt_')).toBe(true);
});

test("an endpoint made over the API tells its secret once and gets only what it asked for", async () => {
  const made = await bench.stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ["product.created"],
  });
  expect((await bench.stripe.webhookEndpoints.retrieve(made.id)).secret).toBeUndefined();
  await bench.stripe.customers.create({});
  await bench.stripe.products.create({ name: "Pro" });
  await bench.sandbox.delivery.idle();
  const types = hook.received.map(
    ({ body, signature }) =>
      bench.stripe.webhooks.constructEvent(body, signature, made.secret ?? "").type,
  );
  expect(types).toEqual(["product.created"]);
});

test("updates carry what changed, hashes by key only", async () => {
  const customer = await bench.stripe.customers.create({
    name: "Old",
    metadata: { a: "1", keep: "k" },
  });
  listenTo();
  await bench.stripe.customers.update(customer.id, { name: "New", metadata: { a: "2", b: "3" } });
  await bench.sandbox.delivery.idle();
  expect(accepted()[0]?.data.previous_attributes).toEqual({
    name: "Old",
    metadata: { a: "1", b: null },
  });
});

describe("retries", () => {
  test("follow Stripe's growing pauses for about three days and then stop", async () => {
    listenTo();
    hook.answer(500);
    await bench.stripe.customers.create({});
    await bench.sandbox.delivery.idle();
    const start = bench.sandbox.world.clock.now();
    for (let hour = 0; hour < 100; hour += 0.5) {
      bench.sandbox.advance(HOUR / 2);
      await bench.sandbox.delivery.idle();
    }
    const attempts = bench.sandbox.delivery.attempts();
    expect(attempts.map((attempt) => attempt.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const last = ((attempts.at(-1)?.at ?? 0) * 1000 - start) / HOUR;
    expect(last).toBeGreaterThan(60);
    expect(last).toBeLessThan(72);
    expect(attempts.at(-1)?.nextAt).toBeNull();
    expect(bench.sandbox.delivery.counts).toMatchObject({ attempted: 10, failed: 10, gaveUp: 1 });
  });

  test("end with the first success", async () => {
    listenTo();
    hook.answer(503);
    await bench.stripe.customers.create({});
    await bench.sandbox.delivery.idle();
    hook.answer(200);
    bench.sandbox.advance(5 * 60_000);
    await bench.sandbox.delivery.idle();
    bench.sandbox.advance(90 * HOUR);
    await bench.sandbox.delivery.idle();
    expect(bench.sandbox.delivery.attempts().map((attempt) => attempt.status)).toEqual([503, 200]);
  });
});

describe("faults", () => {
  const emit = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      await bench.stripe.customers.create({ name: String(at) });
    }
    await bench.sandbox.delivery.idle();
  };
  const names = () =>
    accepted().map((event) => (event.type === "customer.created" ? event.data.object.name : ""));

  test("a wrong secret is refused by the SDK", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { wrongSecret: true } });
    await emit(1);
    expect(() => accepted()).toThrow(Stripe.errors.StripeSignatureVerificationError);
  });

  test("a stale signature is refused by the SDK", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { staleSeconds: 600 } });
    await emit(1);
    expect(() => accepted()).toThrow(/tolerance/u);
  });

  test("duplicates are the same event twice", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { duplicates: 1 } });
    await emit(3);
    expect(accepted()).toHaveLength(6);
    expect(new Set(accepted().map((event) => event.id)).size).toBe(3);
  });

  test("dropped events stay in the list but never arrive", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { drop: 1 } });
    await emit(3);
    expect(hook.received).toHaveLength(0);
    expect((await bench.stripe.events.list()).data).toHaveLength(3);
  });

  test("a shuffle keeps every event and loses the order", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { shuffle: 12 } });
    await emit(12);
    expect(names().toSorted((left, right) => Number(left) - Number(right))).toEqual(
      Array.from({ length: 12 }, (_, at) => String(at)),
    );
    expect(names()).not.toEqual(Array.from({ length: 12 }, (_, at) => String(at)));
  });

  test("an outage holds deliveries back until it ends", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { outage: true } });
    await bench.stripe.customers.create({});
    await bench.stripe.customers.create({});
    expect(hook.received).toHaveLength(0);
    bench.sandbox.setFaults({ webhooks: { outage: false } });
    await bench.sandbox.delivery.idle();
    expect(hook.received).toHaveLength(2);
  });

  test("a storm sends every event so many times more", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { storm: 4 } });
    await emit(2);
    expect(accepted()).toHaveLength(10);
  });

  test("a truncated body and an impossible version arrive as such", async () => {
    listenTo();
    bench.sandbox.setFaults({ webhooks: { badApiVersion: true } });
    await emit(1);
    expect(accepted()[0]?.api_version).toBe("1970-01-01");
    bench.sandbox.setFaults({ webhooks: { truncate: true } });
    await emit(1);
    expect(() => JSON.parse(hook.received[1]?.body ?? "")).toThrow(SyntaxError);
  });

  test("ties give many events one second", async () => {
    bench.sandbox.setFaults({ webhooks: { tieSeconds: 3600 } });
    await bench.stripe.customers.create({});
    bench.sandbox.advance(1_000_000);
    await bench.stripe.customers.create({});
    expect(
      new Set((await bench.stripe.events.list()).data.map((event) => event.created)).size,
    ).toBe(1);
  });
});

test("a resend delivers the same event again", async () => {
  listenTo();
  await bench.stripe.customers.create({});
  await bench.sandbox.delivery.idle();
  const id = accepted()[0]?.id ?? "";
  const answer = await fetch(`${bench.sandbox.stripeUrl}/v1/events/${id}/retry`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_0123456789abcdef" },
  });
  await bench.sandbox.delivery.idle();
  expect(answer.status).toBe(200);
  expect(accepted().map((event) => event.id)).toEqual([id, id]);
});
