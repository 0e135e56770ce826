import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";

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
const DAY = 86_400;

/** A year of a customer who subscribes, pays, fails, recovers, is refunded, changes plan and leaves; some of it within one second. */
function life(n: string, generation: Generation): EventBody[] {
  const sub = { id: `sub_${n}`, customer: `cus_${n}`, created: T };
  const at = (s: string, over: object = {}) =>
    subscriptionBody(generation, { ...sub, status: s, ...over });
  const invoice = (month: number, status: string, over: object = {}) =>
    invoiceBody(generation, {
      id: `in_${n}_${month}`,
      customer: sub.customer,
      subscription: sub.id,
      status,
      created: T + month * 30 * DAY,
      ...over,
    });
  const charge = {
    id: `ch_${n}`,
    customer: sub.customer,
    created: T + 1,
    status: "succeeded",
    amount: 4900,
  };
  const e = (
    id: string,
    type: string,
    created: number,
    object: object,
    previous?: object,
  ): EventBody => ({
    id: `evt_${n}_${id}`,
    type,
    created,
    object,
    generation,
    ...(previous === undefined ? {} : { previous }),
  });
  return [
    e(
      "00",
      "customer.created",
      T - 5,
      customerBody({ id: sub.customer, created: T - 5, name: `Name ${n}`, email: `${n}@x.test` }),
    ),
    e("01", "customer.subscription.created", T, at("incomplete")),
    e("02", "invoice.created", T, invoice(0, "draft")),
    e("03", "invoice.finalized", T, invoice(0, "open")),
    e("04", "charge.succeeded", T + 1, chargeBody(charge)),
    e("05", "invoice.paid", T + 1, invoice(0, "paid", { paidAt: T + 1 })),
    e("06", "customer.subscription.updated", T + 1, at("active"), { status: "incomplete" }),
    e("07", "charge.refunded", T + 9 * DAY, chargeBody({ ...charge, refunded: 900 })),
    e(
      "08",
      "refund.created",
      T + 9 * DAY,
      refundBody({ id: `re_${n}`, charge: charge.id, created: T + 9 * DAY, amount: 900 }),
    ),
    e("09", "invoice.created", T + 30 * DAY, invoice(1, "draft")),
    e("10", "invoice.payment_failed", T + 30 * DAY + 3600, invoice(1, "open", { attempts: 1 })),
    e("11", "customer.subscription.updated", T + 30 * DAY + 3600, at("past_due"), {
      status: "active",
    }),
    e("12", "invoice.payment_failed", T + 33 * DAY, invoice(1, "open", { attempts: 2 })),
    e("13", "customer.subscription.updated", T + 33 * DAY, at("past_due", { quantity: 2 }), {
      quantity: 1,
    }),
    e(
      "14",
      "customer.subscription.updated",
      T + 34 * DAY,
      at("past_due", { quantity: 2, price: "price_ent", planTier: "enterprise" }),
    ),
  ];
}

/** The record of a customer, its own name taken out of every id. */
async function recordOf(n: string): Promise<string> {
  const found = await kit.superuser.query<{ record: unknown }>(
    `select jsonb_build_object(
       'organization', (select jsonb_agg(to_jsonb(o) - '{id,updated_at,tier_changed_at,tier_because}'::text[]) from organizations o
                          where o.id in (select organization_id from organization_provider_ids where provider_customer_id = $1)),
       'subscriptions', (select jsonb_agg(to_jsonb(s) - '{id,organization_id,synced_at,past_due_points}'::text[]) from subscriptions s where stripe_customer_id = $1),
       'invoices', (select jsonb_agg(to_jsonb(i) - '{id,organization_id,synced_at}'::text[] order by stripe_invoice_id) from invoices i where stripe_customer_id = $1),
       'payments', (select jsonb_agg(to_jsonb(p) - '{id,organization_id,synced_at,source}'::text[]) from payments p where stripe_customer_id = $1),
       'refunds', (select jsonb_agg(to_jsonb(r) - '{id,organization_id,synced_at}'::text[]) from refunds r where stripe_refund_id = $2)
     ) as record`,
    [`cus_${n}`, `re_${n}`],
  );
  return JSON.stringify(found.rows[0]?.record).replaceAll(
    new RegExp(`_${n}\\b|\\b${n}@|Name ${n}|_${n}_`, "g"),
    "#",
  );
}

/** Delivers in batches of a size, and again what waits for its parent. */
async function deliver(events: readonly EventBody[], size: number): Promise<void> {
  let waiting: EventBody[] = [];
  for (let from = 0; from < events.length; from += size) {
    const batch = [...waiting, ...events.slice(from, from + size)];
    const fates = await kit.project(batch);
    waiting = batch.filter((_, index) => fates[index]?.kind === "waiting");
  }
  const fates = await kit.project(waiting);
  expect(fates.map((fate) => fate.kind)).not.toContain("waiting");
}

it.each(["classic", "basil"] as const)(
  "the same rows to the last column, however a year of %s events arrives",
  { timeout: 110_000 },
  async (generation) => {
    const reference = `ref${generation}`;
    await deliver(life(reference, generation), 100);
    const expected = await recordOf(reference);
    expect(JSON.parse(expected)).toMatchObject({
      organization: [{ plan_tier: "enterprise", is_placeholder: false }],
      subscriptions: [
        {
          status: "past_due",
          quantity: 2,
          plan_tier: "enterprise",
          past_due_since: "2026-10-21T15:13:20+00:00",
        },
      ],
      payments: [{ status: "succeeded", amount_refunded_cents: 900 }],
      refunds: [{ amount_cents: 900 }],
    });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(
          Array.from({ length: 15 }, (_, index) => index),
          { minLength: 15 },
        ),
        fc.array(fc.nat(14), { maxLength: 5 }),
        fc.integer({ min: 1, max: 8 }),
        async (order, repeats, size) => {
          n += 1;
          const name = `v${n}${generation}`;
          const events = life(name, generation);
          const sequence = [...order, ...repeats].flatMap((index) =>
            events.slice(index, index + 1),
          );
          await deliver(sequence, size);
          expect(await recordOf(name)).toBe(expected);
        },
      ),
      { numRuns: Number(process.env["PURSER_HISTORIES"] ?? 500) / 10 },
    );
  },
);
