import { afterAll, beforeAll, expect, it } from "vitest";

import { inTx } from "../../server/src/platform/db/tx.ts";
import { stripeProjector } from "../../server/src/providers/stripe/projector.ts";
import { type Kit, NOW, inboxEvent, openKit } from "./projection-kit.ts";
import { type EventBody, invoiceBody, subscriptionBody } from "./stripe-shapes.ts";

/** Months of traffic; one is enough to prove that it works, PURSER_BENCH_MONTHS=8 gives a figure. */
const MONTHS = Number(process.env["PURSER_BENCH_MONTHS"] ?? 1);
const CUSTOMERS = 2_000;
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
  const customer = `cus_bench${n}`;
  const subscription = `sub_bench${n}`;
  const invoice = (status: string, over: object = {}) =>
    invoiceBody("basil", {
      id: `in_bench${n}_${turn}`,
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

it("projects subscriptions and invoices of 2,000 customers", { timeout: 240_000 }, async () => {
  for (let turn = 0; turn < MONTHS; turn += 1) {
    // Whole keys, as the inbox claims them: a customer's events lie together.
    const events = Array.from({ length: CUSTOMERS }, (_, n) => month(turn, n))
      .flat()
      .map((event, index) => inboxEvent(event, kit.workspaceId, index));
    const started = performance.now();
    for (let from = 0; from < events.length; from += BATCH) {
      const batch = events.slice(from, from + BATCH);
      await inTx(kit.pool, [kit.workspaceId], (tx) =>
        stripeProjector.apply(kit.ctxOf(tx, NOW), batch),
      );
    }
    const rate = (events.length / (performance.now() - started)) * 1000;
    process.stdout.write(
      `projection: ${Math.round(rate)} events/s by one worker, commits included\n`,
    );
  }
  const count = await kit.superuser.query<{ n: number }>(
    "select count(*) as n from subscription_events where fate = 'applied'",
  );
  expect(count.rows[0]?.n).toBe(MONTHS * CUSTOMERS * 4);
});
