import { afterAll, beforeAll, expect, it } from "vitest";

import { inTx } from "../../server/src/platform/db/tx.ts";
import { stripeProjector } from "../../server/src/providers/stripe/projector.ts";
import { type Kit, NOW, inboxEvent, openKit } from "./projection-kit.ts";
import { type EventBody, invoiceBody, subscriptionBody } from "./stripe-shapes.ts";

const MONTHS = 2;
const CUSTOMERS = 300;
const BATCH = 1_000;
const T = 1_790_000_000;

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterAll(() => kit.end());

/** One month of one customer: renewed, billed, finalized, paid. */
function month(turn: number, n: number): EventBody[] {
  const at = T + turn * 2_592_000;
  const customer = `cus_big${n}`;
  const subscription = `sub_big${n}`;
  const invoice = (status: string, over: object = {}) =>
    invoiceBody("basil", {
      id: `in_big${n}_${turn}`,
      customer,
      subscription,
      created: at,
      status,
      ...over,
    });
  const state = { id: subscription, customer, status: "active", created: T, periodStart: at };
  const event = (letter: string, type: string, created: number, object: object): EventBody => ({
    id: `evt_${n}_${turn}_${letter}`,
    type,
    created,
    object,
  });
  return [
    event("a", "customer.subscription.updated", at, subscriptionBody("basil", state)),
    event("b", "invoice.created", at, invoice("draft")),
    event("c", "invoice.finalized", at + 3600, invoice("open")),
    event("d", "invoice.paid", at + 3601, invoice("paid", { paidAt: at + 3601 })),
  ];
}

it("batches of a thousand events over months make every row of every customer once", async () => {
  for (let turn = 0; turn < MONTHS; turn += 1) {
    // Whole keys, as the inbox claims them: a customer's events lie together.
    const events = Array.from({ length: CUSTOMERS }, (_, n) => month(turn, n))
      .flat()
      .map((event, index) => inboxEvent(event, kit.workspaceId, index));
    for (let from = 0; from < events.length; from += BATCH) {
      const batch = events.slice(from, from + BATCH);
      const fates = await inTx(kit.pool, [kit.workspaceId], (tx) =>
        stripeProjector.apply(kit.ctxOf(tx, NOW), batch),
      );
      expect(new Set(fates.map((fate) => fate.kind))).toEqual(new Set(["applied"]));
    }
  }
  const count = await kit.superuser.query(
    `select (select count(*)::int from subscription_events where fate = 'applied') as events,
            (select count(*)::int from subscriptions where status = 'active') as subscriptions,
            (select count(*)::int from invoices where status = 'paid') as invoices,
            (select count(*)::int from organizations) as organizations`,
  );
  expect(count.rows).toEqual([
    {
      events: MONTHS * CUSTOMERS * 4,
      subscriptions: CUSTOMERS,
      invoices: MONTHS * CUSTOMERS,
      organizations: CUSTOMERS,
    },
  ]);
});
