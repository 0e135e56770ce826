import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createFrozenClock, createRunningClock } from "#sandbox/clock.ts";
import { startSandbox, type Sandbox } from "#sandbox/start.ts";
import {
  clientFor,
  DAY,
  openReceiver,
  START,
  subscriber,
} from "#sandbox/testing/harness.test-kit.ts";

let folder = "";
let file = "";
const open: Sandbox[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sandbox-state-"));
  file = join(folder, "deep", "stripe.json");
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.stop()));
  rmSync(folder, { recursive: true, force: true });
});

type Options = NonNullable<Parameters<typeof startSandbox>[0]>;

async function begin(options: Options = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({
    clock: createFrozenClock(START),
    stateFile: file,
    ...options,
  });
  open.push(sandbox);
  return sandbox;
}

async function end(sandbox: Sandbox): Promise<void> {
  open.splice(open.indexOf(sandbox), 1);
  await sandbox.stop();
}

function historyOf(sandbox: Sandbox): readonly string[] {
  return [...sandbox.world.events.values()].map(
    (event) => `${event.created} ${event.type} ${event.id} ${JSON.stringify(event.object)}`,
  );
}

function edit(change: (image: Record<string, unknown>) => void): void {
  const image: Record<string, unknown> = JSON.parse(readFileSync(file, "utf8"));
  change(image);
  writeFileSync(file, JSON.stringify(image));
}

test("a world that was stopped and started goes on as if it never had been, to the id", async () => {
  const live = async (stopBetween: boolean): Promise<readonly string[]> => {
    let sandbox = await begin(stopBetween ? {} : { stateFile: undefined });
    const { customer, price } = await subscriber(clientFor(sandbox));
    await clientFor(sandbox).subscriptions.create(
      { customer: customer.id, items: [{ price: price.id }], trial_period_days: 10 },
      { idempotencyKey: "first" },
    );
    sandbox.advance(8 * DAY);
    if (stopBetween) {
      await end(sandbox);
      sandbox = await begin();
    }
    await clientFor(sandbox).subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      cancel_at: Math.floor(START / 1000) + 20 * 86_400,
    });
    sandbox.advance(60 * DAY);
    return historyOf(sandbox).map((line) => line.replaceAll(/127\.0\.0\.1:\d+/gu, "here"));
  };
  const through = await live(false);
  expect(await live(true)).toEqual(through);
  expect(through.length).toBeGreaterThan(40);
});

test("the same key after a restart gets the same answer and no second subscription", async () => {
  const first = await begin();
  const { customer, price } = await subscriber(clientFor(first));
  const wish = { customer: customer.id, items: [{ price: price.id }] };
  const before = await clientFor(first).subscriptions.create(wish, { idempotencyKey: "k1" });
  await end(first);
  const second = await begin();
  const after = await clientFor(second).subscriptions.create(wish, { idempotencyKey: "k1" });
  expect(after.id).toBe(before.id);
  expect(second.world.tables.subscriptions.size).toBe(1);
});

test("renewals that fell due while it was off are run once each, at their own instants, in order", async () => {
  const first = await begin({ clock: createRunningClock() });
  const { customer, price } = await subscriber(clientFor(first));
  const { id } = await clientFor(first).subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
  });
  const began = first.world.tables.subscriptions.get(id)?.created ?? 0;
  await end(first);
  edit((image) => {
    const moment = { wall: 0, now: 0, ...Object(image["moment"]) };
    image["moment"] = { ...moment, wall: moment.wall - 70 * DAY };
  });

  const second = await begin({ clock: createRunningClock() });
  const renewals = [...second.world.tables.invoices.values()].filter(
    (invoice) => invoice.billing_reason === "subscription_cycle",
  );
  expect(renewals.map((invoice) => invoice.status)).toEqual(["paid", "paid"]);
  const days = renewals.map((invoice) => Math.round((invoice.created - began) / 86_400));
  expect(days[0]).toBeGreaterThanOrEqual(28);
  expect(days[0]).toBeLessThanOrEqual(31);
  expect(days[1]).toBeLessThanOrEqual(62);
  const times = [...second.world.events.values()].map((event) => event.created);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
  // Nothing but those two renewals happened: a third start finds the world as it is.
  const events = second.world.emitted;
  await end(second);
  const third = await begin({ clock: createRunningClock() });
  expect(third.world.emitted).toBe(events);
});

test("what was not delivered yet is delivered by the next run, retries included", async () => {
  const receiver = await openReceiver();
  const first = await begin();
  first.addEndpoint({ url: receiver.url, secret: "whsec_kept" });
  receiver.answer(500);
  await clientFor(first).customers.create({ email: "tried@example.com" });
  await first.delivery.idle();
  first.setFaults({ webhooks: { outage: true } });
  await clientFor(first).customers.create({ email: "waiting@example.com" });
  await end(first);
  receiver.answer(200);
  receiver.received.splice(0);

  const second = await begin();
  await vi.waitFor(() => expect(receiver.received).toHaveLength(1));
  expect(receiver.received[0]?.body).toContain("waiting@example.com");
  second.advance(DAY);
  await vi.waitFor(() => expect(receiver.received).toHaveLength(2));
  expect(receiver.received[1]?.body).toContain("tried@example.com");
  await receiver.close();
});

test("the endpoint of the command line follows the command line and is not registered twice", async () => {
  const first = await begin({ webhookUrl: "http://127.0.0.1:9/old", webhookSecret: "whsec_old" });
  await end(first);
  const second = await begin({ webhookUrl: "http://127.0.0.1:9/new", webhookSecret: "whsec_new" });
  const endpoints = [...second.world.tables.webhookEndpoints.values()];
  expect(endpoints.map((endpoint) => endpoint.url)).toEqual(["http://127.0.0.1:9/new"]);
  expect([...second.world.secrets.endpointSecrets.values()]).toEqual(["whsec_new"]);
});

test("the demonstration goes on where it was, and stays stopped when it was stopped", async () => {
  const demo = { demo: true, demoCustomers: 5 };
  const first = await begin(demo);
  const names = [...first.world.tables.customers.keys()];
  first.scenarios.start("lossy-day", 3);
  await end(first);
  const second = await begin(demo);
  expect([...second.world.tables.customers.keys()].slice(0, 5)).toEqual(names.slice(0, 5));
  expect(second.scenarios.current()).toEqual({ name: "lossy-day", rate: 3 });
  second.scenarios.stop();
  await end(second);
  const third = await begin(demo);
  expect(third.scenarios.running()).toBeNull();
});

test("after a crash no id is given out twice", async () => {
  const first = await begin();
  await clientFor(first).customers.create({ email: "saved@example.com" });
  await end(first);
  // Started and killed before its second save: what it gave out since is in no file.
  const second = await begin();
  const crashed = readFileSync(file, "utf8");
  const lost = await clientFor(second).customers.create({ email: "lost@example.com" });
  await end(second);
  writeFileSync(file, crashed);
  const third = await begin();
  const next = await clientFor(third).customers.create({ email: "next@example.com" });
  expect(next.id).not.toBe(lost.id);
  expect(third.world.tables.customers.size).toBe(2);
});

test.each([
  ["cut short", () => writeFileSync(file, readFileSync(file).subarray(0, 700))],
  ["of another version", () => edit((image) => (image["version"] = 99))],
  ["something else", () => writeFileSync(file, '{"hello":"world"}')],
  ["without its events", () => edit((image) => delete image["events"])],
])("a file that is %s is kept aside, and a new world begins under other ids", async (_, spoil) => {
  const first = await begin();
  const lost = await clientFor(first).customers.create({ email: "lost@example.com" });
  await end(first);
  spoil();
  const spoilt = readFileSync(file);
  const said: string[] = [];
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
  const second = await begin();
  spy.mockRestore();
  expect(said.join("")).toContain("A new world begins");
  const aside = readdirSync(dirname(file)).find((name) =>
    name.startsWith(`${basename(file)}.bad-`),
  );
  expect(readFileSync(join(dirname(file), aside ?? "")).equals(spoilt)).toBe(true);
  expect(second.world.tables.customers.size).toBe(0);
  const next = await clientFor(second).customers.create({ email: "lost@example.com" });
  expect(next.id).not.toBe(lost.id);
});

test("a process saves on SIGTERM, and a leashed one also when its parent is gone", async () => {
  const main = resolve(import.meta.dirname, "../main.ts");
  const run = async (finish: (child: ReturnType<typeof launch>) => void): Promise<string> => {
    const child = launch();
    const ready = await new Promise<string>((done) => {
      child.stdout.once("data", (chunk: Buffer) => done(chunk.toString()));
    });
    const gone = new Promise<number | null>((done) => child.once("exit", done));
    const { stripe }: { stripe: string } = JSON.parse(ready);
    const made = await fetch(`${stripe}/v1/customers`, {
      method: "POST",
      headers: { authorization: "Bearer sk_test_1" },
    });
    expect(made.status).toBe(200);
    finish(child);
    expect(await gone).toBe(0);
    return readFileSync(file, "utf8");
  };
  const launch = () =>
    spawn(process.execPath, [main, "--port", "0", "--state", file, "--leashed"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
  const customersIn = (text: string): number => {
    const image: { tables: { customers: unknown[] }; clean: boolean } = JSON.parse(text);
    expect(image.clean).toBe(true);
    return image.tables.customers.length;
  };
  expect(customersIn(await run((child) => child.kill("SIGTERM")))).toBe(1);
  expect(customersIn(await run((child) => child.stdin.destroy()))).toBe(2);
  expect(existsSync(`${file}.tmp`)).toBe(false);
});
