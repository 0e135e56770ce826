import { afterEach, beforeEach, expect, test } from "vitest";

import {
  openBench,
  openReceiver,
  START,
  type Bench,
  type Receiver,
} from "#sandbox/testing/harness.test-kit.ts";

let bench: Bench;
let hook: Receiver;
beforeEach(async () => {
  [bench, hook] = await Promise.all([openBench(), openReceiver()]);
});
afterEach(async () => {
  await Promise.all([bench.close(), hook.close()]);
});

async function control(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; json: unknown }> {
  const answer = await fetch(`${bench.sandbox.controlUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: await answer.json() };
}

test("the clock moves forward, never back", async () => {
  expect((await control("POST", "/clock", { advance: 3600 })).json).toMatchObject({
    now: START / 1000 + 3600,
  });
  expect((await control("POST", "/clock", { set: "2026-02-01T00:00:00Z" })).json).toMatchObject({
    iso: "2026-02-01T00:00:00.000Z",
  });
  expect((await control("POST", "/clock", { set: "2026-01-01T00:00:00Z" })).status).toBe(400);
});

test("an endpoint registered here gets the events that emit makes, as many as asked for", async () => {
  await control("POST", "/endpoints", {
    url: hook.url,
    secret: "whsec_mine",
    apiVersion: "2023-08-16",
  });
  const { json } = await control("POST", "/emit", { count: 300, customers: 10 });
  await bench.sandbox.delivery.idle();
  expect(json).toEqual({ emitted: hook.received.length });
  expect(hook.received.length).toBeGreaterThanOrEqual(300);
  expect(
    bench.stripe.webhooks.constructEvent(
      hook.received[0]?.body ?? "",
      hook.received[0]?.signature ?? "",
      "whsec_mine",
    ).api_version,
  ).toBe("2023-08-16");
});

test("faults are set, shown and lifted; wrong ones are refused", async () => {
  expect((await control("PUT", "/faults", { webhooks: { drop: 0.5 } })).json).toMatchObject({
    webhooks: { drop: 0.5 },
  });
  expect((await control("PUT", "/faults", { webhooks: { drop: "much" } })).status).toBe(400);
  expect((await control("DELETE", "/faults")).json).toMatchObject({ webhooks: { drop: 0 } });
});

test("a scenario makes living traffic and stops", async () => {
  expect((await control("POST", "/scenario", { start: "no-such-day" })).status).toBe(400);
  await control("POST", "/scenario", { start: "busy-day", rate: 200 });
  await expect.poll(() => new Set(bench.types()).size, { timeout: 10_000 }).toBeGreaterThan(15);
  expect((await control("POST", "/scenario", { stop: true })).json).toMatchObject({
    running: null,
  });
});

test("a dispute is opened and decided from here", async () => {
  await bench.stripe.paymentIntents.create({
    amount: 500,
    currency: "usd",
    payment_method: "pm_card_visa",
    confirm: true,
  });
  const [charge] = (await bench.stripe.charges.list()).data;
  const opened = (await control("POST", "/disputes", { charge: charge?.id })).json;
  expect(opened).toMatchObject({ object: "dispute", status: "needs_response" });
  const [dispute] = (await bench.stripe.disputes.list()).data;
  expect(
    (await control("POST", "/disputes", { dispute: dispute?.id, won: true })).json,
  ).toMatchObject({ status: "won" });
});

test("everything that happened can be sent again", async () => {
  await bench.stripe.customers.create({});
  bench.sandbox.addEndpoint({ url: hook.url });
  expect((await control("POST", "/resend", { all: true })).json).toEqual({ resent: 1 });
  await bench.sandbox.delivery.idle();
  expect(hook.received).toHaveLength(1);
});
