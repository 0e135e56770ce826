import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";

import Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startSandbox, type Sandbox } from "../../sandbox/src/start.ts";
import { startTestCluster } from "../../server/src/platform/testing/cluster.ts";
import {
  ask,
  doorsOf,
  freePort,
  launch,
  makePlace,
  type Place,
  purserIn,
  type Ran,
  type Running,
  until,
} from "./product.ts";

const SECRET = `whsec_${randomBytes(18).toString("hex")}`;

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let sandbox: Sandbox;
let place: Place;
let doors: ReturnType<typeof doorsOf>;
let migrated: Ran;
const running: Running[] = [];
const intakes: string[] = [];

async function part(name: string, env: Record<string, string> = {}): Promise<Running> {
  const started = await launch([name], { ...place.env, ...env }, /"ready":true/u);
  running.push(started);
  return started;
}

beforeAll(async () => {
  cluster = await startTestCluster();
  sandbox = await startSandbox({ webhookPace: 60 });
  place = await makePlace({
    PURSER_DATABASE_URL: cluster.ownerUrl,
    PURSER_SANDBOX: "off",
    PURSER_LOG_LEVEL: "warn",
    STRIPE_API_KEY: "sk_test_purser_sandbox",
    STRIPE_API_BASE: sandbox.stripeUrl,
    STRIPE_WEBHOOK_SECRET: SECRET,
  });
  doors = doorsOf(place);
  migrated = await purserIn(place.env, "migrate");
  await part("serve");
  for (const port of [await freePort(), await freePort()]) {
    await part("intake", { PURSER_PORT: String(port) });
    intakes.push(`http://127.0.0.1:${port}`);
  }
  await Promise.all([part("work"), part("work")]);
});

afterAll(async () => {
  await Promise.all(running.map((each) => each.stop()));
  await sandbox.stop();
  await cluster.remove();
  rmSync(place.data, { recursive: true, force: true });
});

test("an external Postgres is migrated once; a second migration has nothing to do", async () => {
  expect(migrated.code).toBe(0);
  expect(migrated.out).toMatch(/Applied \d+\.\nSign in as \S+; the first password is in /u);
  const again = await purserIn(place.env, "migrate");
  expect(again).toMatchObject({ code: 0 });
  expect(again.out).toContain("Nothing to do");
});

test("an intake serves webhooks and health and nothing else", async () => {
  const [intake] = intakes;
  expect((await ask(`${intake}/ready`, "GET", undefined, {})).status).toBe(200);
  expect((await ask(`${intake}/api/session`, "GET", undefined, {})).status).toBe(404);
});

test("two intakes hear the same events, two workers share the work: everything once, and right", async () => {
  for (const intake of intakes) {
    sandbox.addEndpoint({ url: `${intake}/api/webhooks/stripe`, secret: SECRET });
  }
  sandbox.scenarios.start("busy-day", 100);
  await until("a busy day has happened", () => sandbox.world.events.size > 600);
  sandbox.scenarios.stop();
  await sandbox.delivery.idle();
  expect(sandbox.delivery.counts.failed).toBe(0);

  const events = sandbox.world.events.size;
  await until(
    "every event is there once and worked off",
    async () => {
      const [row] = await doors.sql<{ events: number; fates: number; doubles: number }>(
        `select (select count(*)::int from inbox_events) as events, (select count(*)::int from inbox_outcomes) as fates,
                (select coalesce(sum(count), 0)::int from inbox_duplicates) as doubles`,
      );
      expect(row).toEqual({ events, fates: events, doubles: events });
      return true;
    },
    45_000,
  );
  const stripe = new Stripe("sk_test_purser_sandbox", {
    host: "127.0.0.1",
    port: sandbox.stripePort,
    protocol: "http",
    telemetry: false,
  });
  const truth: string[] = [];
  for await (const one of stripe.subscriptions.list({ status: "all", limit: 100 })) {
    truth.push(`${one.id} ${one.status}`);
  }
  await until("the record agrees", async () => {
    const rows = await doors.sql<{ line: string }>(
      "select stripe_subscription_id || ' ' || status as line from subscriptions",
    );
    expect(rows.map((row) => row.line).toSorted()).toEqual(truth.toSorted());
    return true;
  });
});

test("a worker that is told to stop hands over to the other", async () => {
  const leaving = running.at(-1);
  expect(await leaving?.stop("SIGTERM")).toBe(0);
  const before = sandbox.world.events.size;
  sandbox.scenarios.emit(50, 5);
  const events = sandbox.world.events.size;
  expect(events).toBeGreaterThan(before);
  await until("the rest is worked off by one", async () => {
    const [row] = await doors.sql<{ fates: number }>(
      "select count(*)::int as fates from inbox_outcomes",
    );
    return row?.fates === events;
  });
});
