import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { inTx } from "../../server/src/platform/db/tx.ts";
import { type Kit, openKit } from "./projection-kit.ts";
import {
  type EventBody,
  type Generation,
  chargeBody,
  customerBody,
  invoiceBody,
  refundBody,
  subscriptionBody,
} from "./stripe-shapes.ts";

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterAll(() => kit.end());

const T = 1_790_000_000;

function subscribed(n: string, generation: Generation = "basil"): EventBody[] {
  const state = { id: `sub_${n}`, customer: `cus_${n}`, created: T };
  return [
    {
      id: `evt_${n}_1`,
      type: "customer.subscription.created",
      created: T,
      generation,
      object: subscriptionBody(generation, { ...state, status: "incomplete" }),
    },
    {
      id: `evt_${n}_2`,
      type: "customer.subscription.updated",
      created: T,
      generation,
      object: subscriptionBody(generation, { ...state, status: "active" }),
      previous: { status: "incomplete" },
    },
  ];
}

async function one<Row extends object>(sql: string, values: unknown[]): Promise<Row> {
  const found = await kit.operator.query<Row>(sql, values);
  const [row] = found.rows;
  if (row === undefined || found.rows.length > 1) {
    throw new Error(`${found.rows.length} rows for ${values.join()}`);
  }
  return row;
}

describe("a subscription's events", () => {
  it.each(["classic", "basil"] as const)(
    "of the %s shape make the row, the organization and its tier, whatever their order",
    async (generation) => {
      const name = `shape_${generation}`;
      const fates = await kit.project(subscribed(name, generation).toReversed());
      expect(fates.map((fate) => fate.kind)).toEqual(["applied", "superseded"]);
      const row = await one(
        `select s.status, s.plan_tier, s.billing_cycle, s.amount_cents, s.source, o.plan_tier as tier, o.is_placeholder,
                extract(epoch from s.current_period_end)::int8 as ends
           from subscriptions s join organizations o on o.id = s.organization_id where stripe_subscription_id = $1`,
        [`sub_${name}`],
      );
      expect(row).toEqual({
        status: "active",
        plan_tier: "pro",
        billing_cycle: "monthly",
        amount_cents: 4900,
        source: `evt_${name}_2`,
        tier: "pro",
        is_placeholder: true,
        ends: T + 2_592_000,
      });
    },
  );

  it("give the placeholder its name when the customer is introduced", async () => {
    await kit.project(subscribed("late"));
    await kit.project([
      {
        id: "evt_late_c",
        type: "customer.created",
        created: T - 10,
        object: customerBody({
          id: "cus_late",
          created: T - 10,
          name: "Late Ltd",
          email: "l@x.test",
        }),
      },
    ]);
    expect(
      await one(
        "select o.name, o.email, o.is_placeholder from organizations o join organization_provider_ids p on p.organization_id = o.id where p.provider_customer_id = $1",
        ["cus_late"],
      ),
    ).toEqual({ name: "Late Ltd", email: "l@x.test", is_placeholder: false });
  });
});

it("a refund that comes before its charge waits for it, and applies once it is there", async () => {
  const refund: EventBody = {
    id: "evt_r1",
    type: "refund.created",
    created: T + 5,
    object: refundBody({ id: "re_1", charge: "ch_1", created: T + 5, amount: 500 }),
  };
  expect(await kit.project([refund])).toEqual([
    { kind: "waiting", for: "ch_1", reason: "ch_1 is not known here yet." },
  ]);
  await kit.project([
    {
      id: "evt_ch1",
      type: "charge.succeeded",
      created: T,
      object: chargeBody({
        id: "ch_1",
        customer: "cus_r",
        created: T,
        status: "succeeded",
        amount: 4900,
      }),
    },
  ]);
  expect(await kit.project([refund])).toEqual([{ kind: "applied" }]);
  expect(
    await one(
      "select r.amount_cents, r.organization_id = p.organization_id as same from refunds r join payments p on p.stripe_payment_id = r.stripe_payment_id where stripe_refund_id = $1",
      ["re_1"],
    ),
  ).toEqual({ amount_cents: 500, same: true });
});

it("an invoice that is paid within the second of its creation is paid", async () => {
  const at = (status: string) =>
    invoiceBody("basil", {
      id: "in_1",
      customer: "cus_i",
      subscription: "sub_i",
      status,
      created: T,
      paidAt: status === "paid" ? T : null,
    });
  const fates = await kit.project([
    { id: "evt_i3", type: "invoice.paid", created: T, object: at("paid") },
    { id: "evt_i1", type: "invoice.created", created: T, object: at("draft") },
    { id: "evt_i2", type: "invoice.finalized", created: T, object: at("open") },
  ]);
  expect(fates.map((fate) => fate.kind)).toEqual(["applied", "superseded", "superseded"]);
  expect(
    await one("select status, amount_paid_cents from invoices where stripe_invoice_id = $1", [
      "in_1",
    ]),
  ).toEqual({ status: "paid", amount_paid_cents: 4900 });
  expect(kit.enqueued).toEqual([]);
});

it("an event that the inbox gives up shows as failed until a replay applies it", async () => {
  const [event] = subscribed("dead");
  const inboxId = 9_000_000_001;
  await inTx(kit.superuser, [kit.workspaceId], async (tx) => {
    await tx.client.query(
      `insert into inbox_events (id, segment_id, occurred_at, received_at, workspace_id, endpoint_id, body_offset, body_length,
                                 provider, lane, secret_no, fingerprint, external_id, event_type, okey)
       values ($1, 1, now(), now(), $2, 1, 0, 0, 1, 1, 0, '\\x00', 'evt_dead_1', 'customer.subscription.created', 'stripe:cus_dead')`,
      [inboxId, kit.workspaceId],
    );
    await tx.client.query(
      "insert into inbox_outcomes (event_id, at, workspace_id, fate, attempts, reason) values ($1, now(), $2, 5, 12, 'gave up')",
      [inboxId, kit.workspaceId],
    );
  });
  const told =
    "select fate, processing_error, processed_at is null as open from subscription_events where stripe_event_id = $1";
  expect(await one(told, ["evt_dead_1"])).toEqual({
    fate: "failed",
    processing_error: "gave up",
    open: true,
  });
  await kit.project(event === undefined ? [] : [event]);
  expect(await one(told, ["evt_dead_1"])).toEqual({
    fate: "applied",
    processing_error: null,
    open: false,
  });
});

it("an unreadable event is quarantined with its reason and its object asked for", async () => {
  kit.enqueued.splice(0);
  const [event] = subscribed("shape_unknown");
  const fates = await kit.project(
    event === undefined ? [] : [{ ...event, version: "2031-01-01.zinnia" }],
  );
  expect(fates).toEqual([
    { kind: "quarantined", reason: "API version 2031-01-01.zinnia is not known." },
  ]);
  expect(kit.enqueued).toMatchObject([
    { name: "billing.refetch_object", payload: { id: "sub_shape_unknown", reason: "unreadable" } },
  ]);
  expect(await kit.takeJobs()).toMatchObject([
    { name: "billing.refetch_object", workspaceId: kit.workspaceId },
  ]);
  const rows = await kit.operator.query(
    "select from subscriptions where stripe_subscription_id = 'sub_shape_unknown'",
  );
  expect(rows.rowCount).toBe(0);
});

it("a tie in a batch without a workspace of its own leaves one question per object and workspace", async () => {
  await kit.takeJobs();
  const tie = (letter: string, quantity: number): EventBody => ({
    id: `evt_tie_${letter}`,
    type: "customer.subscription.updated",
    created: T,
    object: subscriptionBody("basil", {
      id: "sub_tie",
      customer: "cus_tie",
      status: "active",
      created: T,
      quantity,
    }),
  });
  // A batch that throws would park the customer and, twelve tries later, lose its events.
  const fates = await kit.project([tie("a", 1), tie("b", 2), tie("c", 3)]);
  expect(fates.map((fate) => fate.kind)).not.toContain("quarantined");
  await kit.project([tie("a", 1), tie("b", 2)], kit.otherWorkspaceId);
  const jobs = await kit.takeJobs();
  expect(jobs.map((job) => job.workspaceId)).toEqual([kit.workspaceId, kit.otherWorkspaceId]);
  expect(jobs[0]?.payload).toMatchObject({ id: "sub_tie", reason: "tie", atLeastSeconds: T });
});

it("NUL and half a surrogate pair in an id and a text are replaced, and the key goes on", async () => {
  const fates = await kit.project([
    {
      id: "evt_nul",
      type: "customer.created",
      created: T,
      object: customerBody({
        id: "cus_n\0ul",
        created: T,
        name: "A\0cme \ud800 Ltd \ud83d\ude00",
        email: "n@x.test",
      }),
    },
  ]);
  expect(fates).toEqual([{ kind: "applied" }]);
  expect(
    await one(
      "select o.name from organizations o join organization_provider_ids p on p.organization_id = o.id where p.provider_customer_id = $1",
      ["cus_n\ufffdul"],
    ),
  ).toEqual({ name: "A\ufffdcme \ufffd Ltd \ud83d\ude00" });
});

it("an event of a type that nothing is kept of is ignored with its reason", async () => {
  expect(
    await kit.project([
      { id: "evt_x", type: "payout.paid", created: T, object: { id: "po_1", object: "payout" } },
    ]),
  ).toEqual([{ kind: "ignored", reason: "Nothing here is kept of payout.paid." }]);
});

it("a replay of what was applied changes nothing and keeps what it changed the first time", async () => {
  const events = subscribed("again");
  await kit.project(events);
  const told =
    "select data -> 'changed' as changed, fate from subscription_events where stripe_event_id = $1";
  const before = await one(told, ["evt_again_2"]);
  expect(before).toMatchObject({ fate: "applied", changed: { status: ["incomplete", "active"] } });
  const fates = await kit.project(events);
  expect(fates.map((fate) => fate.kind)).toEqual(["superseded", "applied"]);
  expect(await one(told, ["evt_again_2"])).toEqual(before);
});

it("two workers at once on the same customers lose nothing: one waits or tries again", async () => {
  const names = Array.from({ length: 12 }, (_, n) => `race${n}`);
  const firsts = names.flatMap((name) => subscribed(name).slice(0, 1));
  const seconds = names.flatMap((name) => subscribed(name).slice(1)).toReversed();
  const untilDone = async (events: EventBody[]): Promise<void> => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const [end] = await Promise.allSettled([kit.project(events)]);
      if (end.status === "fulfilled") {
        return;
      }
    }
    throw new Error("never got through");
  };
  await Promise.all([untilDone(firsts), untilDone(seconds), untilDone(firsts), untilDone(seconds)]);
  const rows = await kit.operator.query<{ status: string; tier: string; n: number }>(
    `select s.status, o.plan_tier as tier, count(*)::int as n from subscriptions s join organizations o on o.id = s.organization_id
      where s.stripe_customer_id like 'cus_race%' group by 1, 2`,
  );
  expect(rows.rows).toEqual([{ status: "active", tier: "pro", n: 12 }]);
  const organizations = await kit.operator.query(
    "select from organizations o where name like 'cus_race%'",
  );
  expect(organizations.rowCount).toBe(12);
});
