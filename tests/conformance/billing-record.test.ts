import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { record } from "../../server/src/domains/audit/commands.ts";
import { seedCatalogue } from "../../server/src/domains/billing/catalogue.commands.ts";
import { BILLING_CHECKS } from "../../server/src/domains/billing/checks.ts";
import { refetchObject, settleIntent } from "../../server/src/domains/billing/jobs.ts";
import { OBJECT_KINDS } from "../../server/src/domains/billing/model.ts";
import { billingOperations } from "../../server/src/domains/billing/operations.ts";
import {
  type FakeProvider,
  fakeProvider,
} from "../../server/src/domains/billing/provider.testing.ts";
import { knownThrough } from "../../server/src/domains/billing/standing.queries.ts";
import { billingWorkers } from "../../server/src/domains/billing/workers.ts";
import { addMs, fromUnixSeconds, movableClock } from "../../server/src/platform/clock.ts";
import type { Ctx } from "../../server/src/platform/context.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";
import { inTx } from "../../server/src/platform/db/tx.ts";
import type { Run } from "../../server/src/platform/operation/bound.ts";
import type { Preview } from "../../server/src/platform/operation/operation.ts";
import { snapshotFrom } from "../../server/src/providers/stripe/translate/event.ts";
import { type Kit, NOW, openKit } from "./projection-kit.ts";
import { customerBody, invoiceBody, subscriptionBody } from "./stripe-shapes.ts";

let kit: Kit;
let app: ReturnType<typeof openPool>;
let fake: FakeProvider;
let run: Run;
let operations: ReturnType<typeof billingOperations>;
const clock = movableClock(NOW);

type Row = Record<string, unknown>;
const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

beforeAll(async () => {
  kit = await openKit();
  app = openPool({
    url: kit.db.serviceUrl,
    role: "purser_app",
    max: 4,
    applicationName: "test",
    onError: () => undefined,
  });
});
afterAll(async () => {
  await app.end();
  await kit.end();
});
beforeEach(() => {
  fake = fakeProvider(clock);
  operations = billingOperations({ providerOf: () => fake });
  run = (work) => runIn(kit.workspaceId, work);
});

function runIn<T>(workspaceId: number, work: (ctx: Ctx) => Promise<T>): Promise<T> {
  return inTx(app, [workspaceId], (tx) => {
    const source = {
      tx,
      now: clock.now(),
      actor: { kind: "staff", id: "stf_1", name: "Ada", role: "owner" } as const,
      workspace: { id: workspaceId, publicId: "ws_one", slug: "one" },
      requestId: "req_1",
      ticket: null,
    };
    return work({
      ...kit.ctxOf(tx, clock.now(), workspaceId),
      ...source,
      audit: (entry) => record(source, entry),
    });
  });
}

function operation(name: string) {
  const found = operations.find((each) => each.operation.name === name);
  if (found === undefined) {
    throw new Error(`no operation ${name}`);
  }
  return found;
}
/** As a door calls it: input parsed before, output checked after. */
// oxlint-disable-next-line typescript/no-explicit-any -- checked against the declared output right here
async function call(name: string, input: object, hash: string | null = null): Promise<any> {
  const { operation: declared, execute } = operation(name);
  const result = await execute(run, declared.input.parse(input), hash);
  return declared.output.parse(result);
}
async function preview(name: string, input: object): Promise<Preview> {
  const bound = operation(name);
  if (bound.preview === null) {
    throw new Error("a read");
  }
  return bound.preview(run, bound.operation.input.parse(input));
}

const T = 1_790_000_000;
const body = (name: string, over: object = {}) =>
  subscriptionBody("basil", {
    id: `sub_${name}`,
    customer: `cus_${name}`,
    status: "active",
    created: T,
    ...over,
  });
const says = (name: string, event: string, at: number, over: object = {}, previous?: object) =>
  kit.project([
    {
      id: `evt_${name}_${event}`,
      type: `customer.subscription.${event === "created" ? "created" : "updated"}`,
      created: at,
      object: body(name, over),
      ...(previous === undefined ? {} : { previous }),
    },
  ]);
function providerHas(name: string, over: object = {}): void {
  fake.put(snapshotFrom("subscription", body(name, over), "basil", false));
}
async function rowOf(name: string): Promise<Record<string, unknown>> {
  const found = await kit.operator.query(
    "select s.*, o.plan_tier as org_tier from subscriptions s join organizations o on o.id = s.organization_id where stripe_subscription_id = $1",
    [`sub_${name}`],
  );
  return found.rows[0];
}

describe("canceling", () => {
  it("goes to the provider first, through an intent, and is recorded, read back and audited", async () => {
    await says("c1", "created", T);
    providerHas("c1");
    const input = { id: "sub_c1", when: "now", reason: "asked for it" };
    const seen = await preview("subscriptions.cancel", input);
    expect(seen.calls).toEqual([{ provider: "stripe", what: "DELETE /v1/subscriptions/sub_c1" }]);
    const done = await call("subscriptions.cancel", input, seen.hash);
    expect(done.subscription.status).toBe("canceled");
    expect(await rowOf("c1")).toMatchObject({ status: "canceled", org_tier: "free" });
    const intent = await kit.operator.query(
      "select state, actor from provider_intents where id = $1",
      [done.intentId],
    );
    expect(intent.rows).toEqual([{ state: "done", actor: "Ada" }]);
    const audit = await kit.operator.query(
      "select action from audit_entries where subject_id = 'sub_c1'",
    );
    expect(audit.rows).toEqual([{ action: "subscription.canceled" }]);
  });

  it("says so when it has ended already, and asks nobody", async () => {
    await expect(
      call("subscriptions.cancel", { id: "sub_c1", when: "now", reason: "again" }),
    ).rejects.toMatchObject({ spec: { code: "billing/already-canceled" } });
    expect(fake.writes()).toBe(0);
  });

  it("of what somebody else has ended meanwhile is refused, recorded, and not logged as ours", async () => {
    await says("c8", "created", T);
    providerHas("c8", { status: "canceled", canceledAt: T + 50, endedAt: T + 50 });
    await expect(
      call("subscriptions.cancel", { id: "sub_c8", when: "now", reason: "asked for it" }),
    ).rejects.toMatchObject({ spec: { code: "billing/already-canceled" } });
    expect(fake.writes()).toBe(0);
    expect(await rowOf("c8")).toMatchObject({ status: "canceled" });
    const audit = await kit.operator.query(
      "select action from audit_entries where subject_id = 'sub_c8'",
    );
    expect(audit.rows).toEqual([]);
  });

  it("for the period's end is not what happened where it was ended at once by somebody else", async () => {
    await says("c9", "created", T);
    providerHas("c9");
    const deaf = fake;
    operations = billingOperations({
      providerOf: () => ({
        ...deaf,
        cancelSubscription: () => Promise.resolve({ kind: "unknown", message: "Timed out." }),
      }),
    });
    await expect(
      call("subscriptions.cancel", { id: "sub_c9", when: "period_end", reason: "asked for it" }),
    ).rejects.toMatchObject({ spec: { code: "billing/outcome-unknown" } });
    const job = kit.enqueued.findLast((each) => each.name === settleIntent.name);
    providerHas("c9", { status: "canceled", canceledAt: T + 50, endedAt: T + 50 });
    expect(await workOff(settleIntent.name, job?.payload)).toMatchObject({ kind: "snooze" });
    clock.set(addMs(NOW, 120_000));
    expect(await workOff(settleIntent.name, job?.payload)).toMatchObject({ note: "failed" });
    clock.set(NOW);
    const audit = await kit.operator.query(
      "select action from audit_entries where subject_id = 'sub_c9'",
    );
    expect(audit.rows).toEqual([]);
  });

  it("with a stale preview is refused before the provider hears of it", async () => {
    await says("c2", "created", T);
    providerHas("c2");
    const input = { id: "sub_c2", when: "now", reason: "asked for it" };
    const seen = await preview("subscriptions.cancel", input);
    await says("c2", "later", T + 10, { cancelAtPeriodEnd: true });
    await expect(call("subscriptions.cancel", input, seen.hash)).rejects.toMatchObject({
      spec: { code: "platform/stale-preview" },
    });
    expect(fake.writes()).toBe(0);
  });

  it("with a lost answer is looked up by a job, not repeated", async () => {
    await says("c3", "created", T);
    providerHas("c3");
    fake.loseNextAnswer();
    await expect(
      call("subscriptions.cancel", { id: "sub_c3", when: "now", reason: "asked for it" }),
    ).rejects.toMatchObject({ spec: { code: "billing/outcome-unknown" } });
    const job = kit.enqueued.findLast((each) => each.name === settleIntent.name);
    expect(await workOff(settleIntent.name, job?.payload)).toEqual({ kind: "done", note: "done" });
    expect(fake.writes()).toBe(1);
    expect(await rowOf("c3")).toMatchObject({ status: "canceled" });
  });

  it("that the provider finishes only after it was looked up is still audited", async () => {
    await says("c6", "created", T);
    providerHas("c6");
    const slow = fake;
    operations = billingOperations({
      providerOf: () => ({
        ...slow,
        cancelSubscription: () => Promise.resolve({ kind: "unknown", message: "Timed out." }),
      }),
    });
    await expect(
      call("subscriptions.cancel", { id: "sub_c6", when: "now", reason: "asked for it" }),
    ).rejects.toMatchObject({ spec: { code: "billing/outcome-unknown" } });
    const job = kit.enqueued.findLast((each) => each.name === settleIntent.name);
    expect(await workOff(settleIntent.name, job?.payload)).toMatchObject({ kind: "snooze" });
    const wish = { when: "now", prorate: false } as const;
    await slow.cancelSubscription("sub_c6", wish, { idempotencyKey: "k" });
    clock.set(addMs(NOW, 60_000));
    expect(await workOff(settleIntent.name, job?.payload)).toEqual({ kind: "done", note: "done" });
    clock.set(NOW);
    const audit = await kit.operator.query(
      "select action from audit_entries where subject_id = 'sub_c6'",
    );
    expect(audit.rows).toEqual([{ action: "subscription.canceled" }]);
  });

  it("that never happened is given up two minutes after it was sent", async () => {
    await says("c7", "created", T);
    providerHas("c7");
    const deaf = fake;
    operations = billingOperations({
      providerOf: () => ({
        ...deaf,
        cancelSubscription: () => Promise.resolve({ kind: "unknown", message: "Timed out." }),
      }),
    });
    await expect(
      call("subscriptions.cancel", { id: "sub_c7", when: "now", reason: "asked for it" }),
    ).rejects.toMatchObject({ spec: { code: "billing/outcome-unknown" } });
    const job = kit.enqueued.findLast((each) => each.name === settleIntent.name);
    clock.set(addMs(NOW, 120_000));
    expect(await workOff(settleIntent.name, job?.payload)).toEqual({
      kind: "done",
      note: "failed",
    });
    clock.set(NOW);
  });

  it("whose process dies after the call is found by the job that was left for it", async () => {
    await says("c5", "created", T);
    providerHas("c5");
    const whole = fake;
    operations = billingOperations({
      providerOf: () => ({
        ...whole,
        cancelSubscription: async (...wish) => {
          await whole.cancelSubscription(...wish);
          throw new Error("killed");
        },
      }),
    });
    await expect(
      call("subscriptions.cancel", { id: "sub_c5", when: "now", reason: "asked for it" }),
    ).rejects.toThrow("killed");
    const job = kit.enqueued.findLast((each) => each.name === settleIntent.name);
    expect(await workOff(settleIntent.name, job?.payload)).toEqual({ kind: "done", note: "done" });
    expect(await rowOf("c5")).toMatchObject({ status: "canceled", org_tier: "free" });
    expect(await workOff(settleIntent.name, job?.payload)).toEqual({
      kind: "done",
      note: "not_ours",
    });
  });

  it("turned away changes nothing and says when to come back", async () => {
    await says("c4", "created", T);
    providerHas("c4");
    fake.turnAwayNext();
    await expect(
      call("subscriptions.cancel", { id: "sub_c4", reason: "asked for it" }),
    ).rejects.toMatchObject({
      spec: { code: "billing/provider-unavailable" },
      extra: { retryAfterMs: 1_000 },
    });
    expect(await rowOf("c4")).toMatchObject({ status: "active", cancel_at_period_end: false });
  });
});

async function workOff(queue: string, payload: unknown) {
  const handlers = billingWorkers({ providerOf: () => fake, clock });
  const handler = handlers.find((each) => each.queue === queue);
  return handler?.handle(
    {
      job: queue,
      jobId: "1",
      attempt: 1,
      workspaceId: kit.workspaceId,
      signal: new AbortController().signal,
      run: (inner) => runIn(kit.workspaceId, inner),
      runIn,
    },
    payload,
  );
}

it("a provider that takes its time keeps no connection from anybody while a resync waits for it", async () => {
  await says("slow", "created", T);
  providerHas("slow");
  const whole = fake;
  const held: (() => void)[] = [];
  operations = billingOperations({
    providerOf: () => ({
      ...whole,
      fetch: async (kind, id) => {
        await new Promise<void>((resolve) => {
          held.push(resolve);
        });
        return whole.fetch(kind, id);
      },
    }),
  });
  const name = "subscriptions.resync";
  const waiting = [
    ...Array.from({ length: 5 }, () => preview(name, { id: "sub_slow" })),
    ...Array.from({ length: 5 }, () => call(name, { id: "sub_slow" })),
  ];
  // The pool has four connections: were they held, not all ten would get as far as the provider.
  await expect.poll(() => held.length).toBe(10);
  const answered = await runIn(kit.workspaceId, ({ tx }) =>
    tx.client.query<{ n: number }>("select 1 as n"),
  );
  expect(answered.rows).toEqual([{ n: 1 }]);
  for (const release of held) {
    release();
  }
  await Promise.all(waiting);
});

describe("a row that somebody typed over", () => {
  it("is audited, named by explain, shown beside the provider's by resync, and mended by it", async () => {
    await says("p1", "created", T);
    providerHas("p1");
    // As printed in the runbook, with the id filled in.
    await kit.operator.query(
      `UPDATE subscriptions
       SET status = 'past_due',
           plan_tier = 'pro',
           current_period_end = '2025-02-01',
           updated_at = NOW()
       WHERE stripe_subscription_id = 'sub_p1'`,
    );
    const explained = await call("subscriptions.explain", { id: "sub_p1" });
    expect(explained.source).toBe("psql:purser_operator");
    expect(explained.fields.find((each: Row) => each["field"] === "status")).toMatchObject({
      value: "past_due",
      setBy: "psql:purser_operator",
    });
    expect(
      explained.fields.find((each: Row) => each["field"] === "cancelAtPeriodEnd"),
    ).toMatchObject({
      setBy: "evt_p1_created",
    });
    const seen = await preview("subscriptions.resync", { id: "sub_p1" });
    expect(seen.changes[0]).toMatchObject({
      before: { status: "past_due" },
      after: { status: "active" },
    });
    const done = await call("subscriptions.resync", { id: "sub_p1" });
    expect(done.changed.status).toEqual(["past_due", "active"]);
    const row = await rowOf("p1");
    expect(row).toMatchObject({ status: "active", org_tier: "pro" });
    const lines = await kit.operator.query(
      "select action, actor_name from audit_entries where subject_kind = 'subscriptions' and subject_id = $1",
      [row["id"]],
    );
    expect(lines.rows).toEqual([
      { action: "out_of_band.row_updated", actor_name: "purser_operator" },
    ]);
  });

  it("gives way to the provider's next event", async () => {
    await says("p2", "created", T);
    await kit.operator.query(
      "update subscriptions set status = 'unpaid' where stripe_subscription_id = 'sub_p2'",
    );
    await says("p2", "next", T + 50);
    expect(await rowOf("p2")).toMatchObject({ status: "active", source: "evt_p2_next" });
  });
});

describe("two changes of one second that no law puts in order", () => {
  it("ask the provider, whose answer outranks both", async () => {
    await says("t1", "created", T);
    await says("t1", "a", T + 9, { cancelAtPeriodEnd: true });
    await says("t1", "b", T + 9, { quantity: 3 });
    const asked = kit.enqueued.findLast((each) => each.name === refetchObject.name);
    expect(asked?.payload).toMatchObject({ id: "sub_t1", atLeastSeconds: T + 9, reason: "tie" });
    providerHas("t1", { cancelAtPeriodEnd: true, quantity: 3 });
    clock.set(fromUnixSeconds(T + 60));
    expect(await workOff(refetchObject.name, asked?.payload)).toEqual({ kind: "done" });
    expect(await rowOf("t1")).toMatchObject({ cancel_at_period_end: true, quantity: 3 });
    await says("t1", "a_again", T + 9, { quantity: 7 });
    expect(await rowOf("t1")).toMatchObject({ quantity: 3 });
    clock.set(NOW);
  });

  it("are answered by the question that waits for an earlier one, and the answer stays", async () => {
    await says("t3", "created", T);
    await kit.takeJobs();
    await says("t3", "a", T + 9, { cancelAtPeriodEnd: true });
    await says("t3", "b", T + 9, { quantity: 3 });
    await says("t3", "c", T + 20, { quantity: 4 });
    await says("t3", "d", T + 20, { quantity: 5 });
    const jobs = await kit.takeJobs();
    expect(jobs).toMatchObject([{ payload: { id: "sub_t3", atLeastSeconds: T + 9 } }]);
    providerHas("t3", { quantity: 4 });
    clock.set(fromUnixSeconds(T + 60));
    expect(await workOff(refetchObject.name, jobs[0]?.payload)).toEqual({ kind: "done" });
    expect(await rowOf("t3")).toMatchObject({ quantity: 4 });
    const object = { workspaceId: kit.workspaceId, kind: "subscription", id: "sub_t3" } as const;
    expect(await inTx(app, [kit.workspaceId], (tx) => knownThrough(tx, object))).toBe(T + 20);
    clock.set(NOW);
  });

  it.each(OBJECT_KINDS)(
    "look up how far we know of a %s before the provider is asked",
    async (kind) => {
      const known = await inTx(app, [kit.workspaceId], (tx) =>
        knownThrough(tx, { workspaceId: kit.workspaceId, kind, id: "nobody" }),
      );
      expect(known).toBe(0);
    },
  );

  it("stand for the moment as one says what it changed from, and are asked about all the same", async () => {
    await says("t2", "created", T);
    await kit.takeJobs();
    await says("t2", "z", T + 9, { cancelAtPeriodEnd: true }, { cancel_at_period_end: false });
    await says("t2", "a", T + 9, {}, { cancel_at_period_end: true });
    expect(await rowOf("t2")).toMatchObject({ cancel_at_period_end: false });
    expect(await kit.takeJobs()).toMatchObject([{ payload: { id: "sub_t2", reason: "tie" } }]);
  });
});

describe("tiers", () => {
  it("are the highest of the live subscriptions and fall with them", async () => {
    const two = (n: string, tier: string, status: string, at: number) =>
      kit.project([
        {
          id: `evt_tier_${n}_${at}`,
          type: "customer.subscription.updated",
          created: at,
          object: {
            ...body("tier", { status, planTier: tier, price: `price_${tier}` }),
            id: `sub_tier_${n}`,
          },
        },
      ]);
    const tier = async () =>
      (
        await kit.operator.query(
          "select plan_tier from organizations o join organization_provider_ids p on p.organization_id = o.id where provider_customer_id = 'cus_tier'",
        )
      ).rows[0]?.plan_tier;
    await two("a", "starter", "active", T);
    expect(await tier()).toBe("starter");
    await two("b", "enterprise", "active", T + 1);
    expect(await tier()).toBe("enterprise");
    await two("b", "enterprise", "canceled", T + 2);
    expect(await tier()).toBe("starter");
    await two("a", "starter", "past_due", T + 3);
    expect(await tier()).toBe("starter");
    await two("a", "starter", "unpaid", T + 4);
    expect(await tier()).toBe("free");
    expect(kit.announced.at(-1)).toMatchObject({
      name: "billing.tier_changed",
      payload: { changes: [{ from: "starter", to: "free", because: `evt_tier_a_${T + 4}` }] },
    });
  });

  it("are never lowered by a price that leads nowhere, and follow it once it is mapped", async () => {
    await says("m1", "created", T);
    await says("m1", "moved", T + 5, { price: "price_new", planTier: null });
    expect(await rowOf("m1")).toMatchObject({ plan_tier: null, org_tier: "pro" });
    expect((await call("subscriptions.explain", { id: "sub_m1" })).notes[0]).toContain("keeps pro");
    const done = await call("plans.map_price", { priceId: "price_new", tier: "enterprise" });
    expect(done).toMatchObject({ subscriptions: 1, organizationsChanged: 1 });
    expect(await rowOf("m1")).toMatchObject({ plan_tier: "enterprise", org_tier: "enterprise" });
  });
});

it("a plan's edit makes a version; unlimited is said and never the absence of a number", async () => {
  await runIn(kit.workspaceId, seedCatalogue);
  await runIn(kit.workspaceId, seedCatalogue);
  const set = await call("plans.set", { tier: "starter", limits: { sites: 4 } });
  expect(set).toMatchObject({ version: 2, limits: { sites: 4, posts: 1_000 } });
  await expect(call("plans.set", { tier: "enterprise", unlimited: false })).rejects.toMatchObject({
    spec: { code: "billing/bad-limits" },
  });
  const plans = await call("plans.list", {});
  expect(
    plans.items.map((each: Row) => [each["tier"], each["version"], each["unlimited"]]),
  ).toEqual([
    ["free", 1, false],
    ["starter", 2, false],
    ["pro", 1, false],
    ["enterprise", 1, true],
  ]);
});

describe("reading", () => {
  beforeAll(async () => {
    await kit.project([
      {
        id: "evt_r_c",
        type: "customer.created",
        created: T,
        object: customerBody({
          id: "cus_r1",
          created: T,
          name: "Reader & Co",
          email: "r@reader.test",
        }),
      },
      { id: "evt_r_s", type: "customer.subscription.created", created: T, object: body("r1") },
      {
        id: "evt_r_i",
        type: "invoice.paid",
        created: T + 2,
        object: invoiceBody("basil", {
          id: "in_r1",
          customer: "cus_r1",
          subscription: "sub_r1",
          status: "paid",
          created: T,
          paidAt: T + 2,
        }),
      },
    ]);
  });

  it.each(["cus_r1", "sub_r1", "in_r1", "r@reader.test", "R@READER.TEST", "reader", "Reader & C"])(
    "a customer is found by %s",
    async (q) => {
      const found = await call("customers.search", { q });
      expect(found.items.map((each: Row) => each["name"])).toEqual(["Reader & Co"]);
    },
  );

  it("shows a customer whole, with sums per currency", async () => {
    expect(await call("customers.show", { id: "cus_r1" })).toMatchObject({
      name: "Reader & Co",
      tier: "pro",
      subscriptionStatus: "active",
      subscriptions: [{ stripeSubscriptionId: "sub_r1", amount: { minor: 4900, currency: "usd" } }],
      invoices: [{ stripeInvoiceId: "in_r1", status: "paid" }],
      totals: [{ currency: "usd", paidMinor: 4900, refundedMinor: 0, openMinor: 0 }],
    });
  });

  it("tells a timeline page by page, each entry once, newest first", async () => {
    const all: Row[] = [];
    let cursor: string | undefined;
    do {
      const page = await call("customers.timeline", {
        id: "cus_r1",
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      all.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(all.map((each) => String(each["title"])).toSorted(byText)).toEqual(
      [
        "Invoice in_r1 (paid)",
        "customer.created",
        "customer.subscription.created",
        "invoice.paid",
      ].toSorted(byText),
    );
    const times = all.map((each) => String(each["at"]));
    expect(times).toEqual(times.toSorted(byText).toReversed());
  });

  it("pages a list without gaps or repeats", async () => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await call("subscriptions.list", {
        limit: 3,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map((each: Row) => each["id"]));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const count = await kit.operator.query<{ n: number }>(
      "select count(*)::int as n from subscriptions where workspace_id = $1",
      [kit.workspaceId],
    );
    expect(new Set(ids).size).toBe(count.rows[0]?.n);
    expect(ids).toHaveLength(count.rows[0]?.n ?? -1);
  });

  it.each(["customers.explain", "subscriptions.show", "subscriptions.explain"])(
    "%s answers as declared",
    async (name) => {
      expect(await call(name, { id: "sub_r1" })).toBeTruthy();
    },
  );
  it.each(["invoices.show", "invoices.explain"])("%s answers as declared", async (name) => {
    expect(await call(name, { id: "in_r1" })).toBeTruthy();
  });
  it.each(["invoices.list", "payments.list", "prices.list"])(
    "%s answers as declared",
    async (name) => {
      expect(await call(name, {})).toHaveProperty("items");
    },
  );
});

it("another workspace sees nothing of it, and the same ids there are other rows", async () => {
  await kit.project(
    [
      {
        id: "evt_r_s",
        type: "customer.subscription.created",
        created: T,
        object: body("r1", { status: "trialing" }),
      },
    ],
    kit.otherWorkspaceId,
  );
  expect(await call("subscriptions.show", { id: "sub_r1" })).toMatchObject({ status: "active" });
  run = (work) => runIn(kit.otherWorkspaceId, work);
  expect(await call("subscriptions.show", { id: "sub_r1" })).toMatchObject({ status: "trialing" });
  expect((await call("subscriptions.list", {})).items).toHaveLength(1);
  await expect(call("invoices.show", { id: "in_r1" })).rejects.toMatchObject({
    spec: { status: 404 },
  });
  await expect(call("customers.show", { id: "r@reader.test" })).rejects.toMatchObject({
    spec: { status: 404 },
  });
});

it("the integrity checks are SQL that runs, and find what was planted", async () => {
  await says("chk", "created", T, { price: "price_nowhere", planTier: null });
  await kit.operator.query(
    "update subscriptions set status = 'unpaid' where stripe_subscription_id = 'sub_t1'",
  );
  const found: Row = {};
  for (const check of BILLING_CHECKS) {
    const rows = await kit.operator.query<{ id: string; what: string }>(check.sql);
    found[check.name] = rows.rows.map((each) => each.id);
  }
  expect(found["billing.prices_are_mapped"]).toContain("sub_chk");
  expect(found["billing.columns_match_snapshots"]).toEqual(["sub_t1"]);
  expect(found["billing.intents_are_settled"]).toEqual([]);
  expect(found["billing.refunds_within_payments"]).toEqual([]);
});
