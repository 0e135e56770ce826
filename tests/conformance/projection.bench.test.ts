import { afterAll, beforeAll, expect, it } from "vitest";

import { inTx } from "../../server/src/platform/db/tx.ts";
import { stripeProjector } from "../../server/src/providers/stripe/projector.ts";
import { type Kit, NOW, inboxEvent, openKit } from "./projection-kit.ts";
import { type EventBody, invoiceBody, subscriptionBody } from "./stripe-shapes.ts";

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterAll(() => kit.end());

const T = 1_790_000_000;
const CUSTOMERS = 2_000;

/** The `turn`-th month of every customer: invoice made, finalized, paid, subscription renewed. */
function month(turn: number): EventBody[] {
  const at = T + turn * 2_592_000;
  const events: EventBody[] = [];
  for (let n = 0; n < CUSTOMERS; n += 1) {
    const customer = `cus_bench${n}`;
    const subscription = `sub_bench${n}`;
    const invoice = { id: `in_bench${n}_${turn}`, customer, subscription, created: at };
    events.push(
      {
        id: `evt_${n}_${turn}_a`,
        type: "customer.subscription.updated",
        created: at,
        object: subscriptionBody("basil", {
          id: subscription,
          customer,
          status: "active",
          created: T,
          periodStart: at,
        }),
        previous: { latest_invoice: "in_x" },
      },
      {
        id: `evt_${n}_${turn}_b`,
        type: "invoice.created",
        created: at,
        object: invoiceBody("basil", { ...invoice, status: "draft" }),
      },
      {
        id: `evt_${n}_${turn}_c`,
        type: "invoice.finalized",
        created: at + 3600,
        object: invoiceBody("basil", { ...invoice, status: "open" }),
      },
      {
        id: `evt_${n}_${turn}_d`,
        type: "invoice.paid",
        created: at + 3601,
        object: invoiceBody("basil", { ...invoice, status: "paid", paidAt: at + 3601 }),
      },
    );
  }
  return events;
}

it("sustains the projection", { timeout: 240_000 }, async () => {
  const rounds: string[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    const events = month(turn).map((event, index) => inboxEvent(event, kit.workspaceId, index));
    // Interleaved as they would come: all customers' first events, then the second ...
    const order = [0, 1, 2, 3].flatMap((part) => events.filter((_, index) => index % 4 === part));
    const size = 1_000;
    const started = performance.now();
    for (let from = 0; from < order.length; from += size) {
      const batch = order.slice(from, from + size);
      await inTx(kit.pool, [kit.workspaceId], (tx) =>
        stripeProjector.apply(kit.ctxOf(tx, NOW), batch),
      );
    }
    const ms = performance.now() - started;
    const bytes = order.reduce((sum, event) => sum + event.body.length, 0) / order.length;
    rounds.push(
      `${Math.round((order.length / ms) * 1000)} events/s (${Math.round(bytes)} bytes each)`,
    );
  }
  process.stdout.write(`${rounds.join("\n")}\n`);
  const count = await kit.superuser.query<{ n: number }>(
    "select count(*) as n from subscription_events",
  );
  expect(count.rows[0]?.n).toBe(6 * CUSTOMERS * 4);
});
