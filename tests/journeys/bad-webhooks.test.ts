import type Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";

import { at, type Product, startProduct, until } from "./product.ts";

let product: Product;

beforeAll(async () => {
  product = await startProduct();
});

afterAll(async () => {
  await product.remove();
});

type Fields = Record<string, unknown>;

const instant = (seconds: number | null | undefined): string | null =>
  seconds === null || seconds === undefined ? null : new Date(seconds * 1000).toISOString();
const idOf = (value: string | { id: string } | null | undefined): string | null =>
  typeof value === "object" ? (value?.id ?? null) : (value ?? null);

/** What the record must say of a subscription, written from Stripe's documentation and not from our code. */
function subscriptionFields(one: Stripe.Subscription): Fields {
  const [item] = one.items.data;
  return {
    status: one.status,
    customer: idOf(one.customer),
    currency: one.currency,
    amount: (item?.price.unit_amount ?? 0) * (item?.quantity ?? 1),
    quantity: item?.quantity,
    cycle: item?.price.recurring?.interval === "year" ? "annual" : "monthly",
    start: instant(item?.current_period_start),
    end: instant(item?.current_period_end),
    ends: one.cancel_at_period_end,
    cancel_at: instant(one.cancel_at),
    canceled_at: instant(one.canceled_at),
    ended_at: instant(one.ended_at),
    trial_start: instant(one.trial_start),
    trial_end: instant(one.trial_end),
    collection: one.collection_method,
    pause: one.pause_collection?.behavior ?? null,
    invoice: idOf(one.latest_invoice),
    created: instant(one.created),
  };
}

const SUBSCRIPTIONS = `
  select stripe_subscription_id as id, status, stripe_customer_id as customer, currency, amount_cents::int as amount,
         quantity, billing_cycle as cycle, current_period_start as start, current_period_end as end,
         cancel_at_period_end as ends, cancel_at, canceled_at, ended_at, trial_start, trial_end,
         collection_method as collection, pause_behavior as pause, latest_invoice_id as invoice, created_at as created
    from subscriptions`;

function invoiceFields(one: Stripe.Invoice): Fields {
  return {
    status: one.status,
    customer: idOf(one.customer),
    subscription: idOf(one.parent?.subscription_details?.subscription),
    number: one.number,
    currency: one.currency,
    total: one.total,
    due: one.amount_due,
    paid: one.amount_paid,
    remaining: one.amount_remaining,
    attempts: one.attempt_count,
    reason: one.billing_reason,
    next: instant(one.next_payment_attempt),
    start: instant(one.period_start),
    end: instant(one.period_end),
    finalized: instant(one.status_transitions.finalized_at),
    paid_at: instant(one.status_transitions.paid_at),
    voided: instant(one.status_transitions.voided_at),
    created: instant(one.created),
  };
}

const INVOICES = `
  select stripe_invoice_id as id, status, stripe_customer_id as customer, stripe_subscription_id as subscription, number,
         currency, total_cents::int as total, amount_due_cents::int as due, amount_paid_cents::int as paid,
         amount_remaining_cents::int as remaining, attempt_count as attempts, billing_reason as reason,
         next_payment_attempt as next, period_start as start, period_end as end, finalized_at as finalized, paid_at,
         voided_at as voided, created_at as created
    from invoices`;

/** Every field in which a recorded object differs from Stripe's, as sentences. */
function differences(truth: ReadonlyMap<string, Fields>, rows: readonly Fields[]): string[] {
  const recorded = new Map(rows.map((row) => [String(row["id"]), row]));
  const out: string[] = [];
  for (const [id, fields] of truth) {
    const row = recorded.get(id);
    if (row === undefined) {
      out.push(`${id} is not recorded`);
      continue;
    }
    for (const [name, value] of Object.entries(fields)) {
      const mine = row[name];
      const shown = mine instanceof Date ? mine.toISOString() : mine;
      if (shown !== value) {
        out.push(`${id} ${name}: Stripe ${String(value)}, the record ${String(shown)}`);
      }
    }
  }
  for (const id of recorded.keys()) {
    if (!truth.has(id)) {
      out.push(`${id} is recorded and not at Stripe`);
    }
  }
  return out;
}

async function disagreements(): Promise<string[]> {
  const subscriptions = new Map<string, Fields>();
  for await (const one of product.stripe.subscriptions.list({ status: "all", limit: 100 })) {
    subscriptions.set(one.id, subscriptionFields(one));
  }
  const invoices = new Map<string, Fields>();
  for await (const one of product.stripe.invoices.list({ limit: 100 })) {
    invoices.set(one.id ?? "", invoiceFields(one));
  }
  return [
    ...differences(subscriptions, await product.sql(SUBSCRIPTIONS)),
    ...differences(invoices, await product.sql(INVOICES)),
  ];
}

async function eventsSoFar(): Promise<number> {
  return Number(at(await product.controlCall("GET", "/state"), "events"));
}

// Ties of one second, as Stripe's clock has them. A coarser grain would date a change before a fetch that did not see it,
// which no provider does: 150 events a second tie often enough.
test("after duplicates, shuffling, loss and ties, one resend makes the record equal Stripe field by field", async () => {
  await product.controlCall("PUT", "/faults", {
    webhooks: { duplicates: 0.4, shuffle: 6, drop: 0.15, tieSeconds: 1 },
  });
  await product.controlCall("POST", "/scenario", { start: "busy-day", rate: 150 });
  await product.controlCall("PUT", "/faults", {
    webhooks: { duplicates: 0.4, shuffle: 6, drop: 0.15, tieSeconds: 1 },
  });
  await until("a busy day has happened", async () => (await eventsSoFar()) > 900);
  // A month and a half of renewals and dunning on the way, under the same faults.
  await product.controlCall("POST", "/clock", { advance: 15 * 86_400 });
  await product.controlCall("POST", "/clock", { advance: 30 * 86_400 });
  await product.controlCall("POST", "/scenario", { stop: true });
  const spoiled = await product.controlCall("GET", "/state");
  expect(Number(at(spoiled, "deliveries.dropped"))).toBeGreaterThan(20);

  await product.controlCall("DELETE", "/faults");
  await product.controlCall("POST", "/resend", { all: true });
  const waited = await product.purser("inbox", "wait", "--timeout", "60");
  expect(waited.out).toContain("Nothing is pending");
  await until(
    "the record agrees",
    async () => {
      const found = await disagreements();
      if (found.length > 0) {
        throw new Error(`${found.length} fields differ:\n${found.slice(0, 20).join("\n")}`);
      }
      return true;
    },
    40_000,
  );
  const [count] = await product.sql<{ subscriptions: number; invoices: number; events: number }>(
    `select (select count(*)::int from subscriptions) as subscriptions, (select count(*)::int from invoices) as invoices,
            (select count(*)::int from inbox_events) as events`,
  );
  expect(count?.subscriptions).toBeGreaterThan(5);
  expect(count?.invoices).toBeGreaterThan(10);
  expect(count?.events).toBe(await eventsSoFar());
});

test("every event ended in a fate, and none was recorded twice", async () => {
  const rows = await product.sql<{ events: number; fates: number; waiting: number }>(
    `select (select count(*)::int from inbox_events) as events,
            (select count(*)::int from inbox_outcomes) as fates,
            (select count(*)::int from inbox_work) as waiting`,
  );
  expect(rows[0]?.waiting).toBe(0);
  expect(rows[0]?.fates).toBe(rows[0]?.events);
  expect(
    await product.sql(
      "select external_id from inbox_events group by endpoint_id, external_id having count(*) > 1",
    ),
  ).toEqual([]);
});

test("tiers and quotas follow what Stripe says in the end", async () => {
  const wrong = await product.sql(
    `select o.id, o.plan_tier, max(s.plan_tier) as subscribed
       from organizations o left join subscriptions s
         on s.organization_id = o.id and s.status in ('trialing', 'active', 'past_due')
      group by o.id, o.plan_tier
     having (count(s.id) = 0 and o.plan_tier <> 'free')
         or (count(s.id) = 1 and o.plan_tier is distinct from max(s.plan_tier))`,
  );
  expect(wrong).toEqual([]);
});
