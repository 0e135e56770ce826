import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  DAY,
  openBench,
  productOf,
  subscriber,
  type Bench,
} from "#sandbox/testing/harness.test-kit.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const pay = async (payment_method: string, amount = 1000) =>
  await bench.stripe.paymentIntents.create({
    amount,
    currency: "usd",
    payment_method,
    confirm: true,
  });

async function available(): Promise<number> {
  const balance = await bench.stripe.balance.retrieve();
  return balance.available.find((line) => line.currency === "usd")?.amount ?? 0;
}

describe("payments", () => {
  test("held back are captured in part, and the rest is gone", async () => {
    const held = await bench.stripe.paymentIntents.create({
      amount: 1000,
      currency: "usd",
      payment_method: "pm_card_visa",
      confirm: true,
      capture_method: "manual",
    });
    expect([held.status, held.amount_capturable]).toEqual(["requires_capture", 1000]);
    const taken = await bench.stripe.paymentIntents.capture(held.id, { amount_to_capture: 600 });
    expect([taken.status, taken.amount_received]).toEqual(["succeeded", 600]);
    await expect(bench.stripe.paymentIntents.cancel(held.id)).rejects.toMatchObject({
      code: "payment_intent_unexpected_state",
    });
  });

  test("less fees become available after two days", async () => {
    await pay("pm_card_visa", 10_000);
    expect(await available()).toBe(0);
    bench.sandbox.advance(2 * DAY);
    expect(await available()).toBe(10_000 - 320);
  });

  test("that need the customer wait for him, and fail when he is not there", async () => {
    expect((await pay("pm_card_authenticationRequired")).status).toBe("requires_action");
    await expect(
      bench.stripe.paymentIntents.create({
        amount: 1000,
        currency: "usd",
        payment_method: "pm_card_authenticationRequired",
        confirm: true,
        off_session: true,
      }),
    ).rejects.toMatchObject({ code: "authentication_required" });
  });
});

describe("refunds", () => {
  test("never give back more than was taken", async () => {
    const { id } = await pay("pm_card_visa");
    await bench.stripe.refunds.create({ payment_intent: id, amount: 700 });
    await expect(
      bench.stripe.refunds.create({ payment_intent: id, amount: 400 }),
    ).rejects.toMatchObject({
      param: "amount",
    });
    await bench.stripe.refunds.create({ payment_intent: id });
    await expect(bench.stripe.refunds.create({ payment_intent: id })).rejects.toMatchObject({
      code: "charge_already_refunded",
    });
    const [charge] = (await bench.stripe.charges.list()).data;
    expect([charge?.amount_refunded, charge?.refunded]).toEqual([1000, true]);
  });

  test("that the bank refuses fail later and leave the charge as it was", async () => {
    const { id } = await pay("pm_card_refundFail");
    const refund = await bench.stripe.refunds.create({ payment_intent: id });
    expect(refund.status).toBe("succeeded");
    bench.sandbox.advance(5000);
    expect((await bench.stripe.refunds.retrieve(refund.id)).status).toBe("failed");
    expect((await bench.stripe.charges.list()).data[0]?.amount_refunded).toBe(0);
    expect(bench.types()).toContain("refund.failed");
  });
});

describe("disputes", () => {
  const dispute = async () => {
    await pay("pm_card_createDispute");
    const [found] = (await bench.stripe.disputes.list()).data;
    return found?.id ?? "";
  };

  test("take the money and a fee, and winning gives both back", async () => {
    const id = await dispute();
    expect(await available()).toBe(-2500);
    const won = await bench.stripe.disputes.update(id, {
      evidence: { uncategorized_text: "winning_evidence" },
    });
    expect(won.status).toBe("won");
    expect(await available()).toBe(0);
    expect(bench.types().slice(-2)).toEqual([
      "charge.dispute.closed",
      "charge.dispute.funds_reinstated",
    ]);
  });

  test("are lost by losing evidence or by giving in, and then stay closed", async () => {
    const id = await dispute();
    expect((await bench.stripe.disputes.close(id)).status).toBe("lost");
    await expect(bench.stripe.disputes.close(id)).rejects.toMatchObject({
      code: "dispute_already_closed",
    });
  });

  test("block a refund of their charge", async () => {
    await dispute();
    const [charge] = (await bench.stripe.charges.list()).data;
    await expect(bench.stripe.refunds.create({ charge: charge?.id ?? "" })).rejects.toMatchObject({
      code: "charge_disputed",
    });
  });
});

describe("invoices", () => {
  test("take pending items, are finalized, sent, fall overdue and are paid out of band", async () => {
    const customer = await bench.stripe.customers.create({ email: "ada@example.com" });
    await bench.stripe.invoiceItems.create({
      customer: customer.id,
      amount: 4000,
      currency: "usd",
    });
    const draft = await bench.stripe.invoices.create({
      customer: customer.id,
      collection_method: "send_invoice",
      days_until_due: 7,
      pending_invoice_items_behavior: "include",
    });
    expect([draft.status, draft.amount_due, draft.number]).toEqual(["draft", 4000, null]);
    await bench.stripe.invoices.sendInvoice(draft.id);
    bench.sandbox.advance(7 * DAY);
    expect(bench.types().at(-1)).toBe("invoice.overdue");
    const paid = await bench.stripe.invoices.pay(draft.id, { paid_out_of_band: true });
    expect([paid.status, paid.amount_remaining, paid.number?.endsWith("-0001")]).toEqual([
      "paid",
      0,
      true,
    ]);
    await expect(bench.stripe.invoices.voidInvoice(draft.id)).rejects.toMatchObject({
      statusCode: 400,
    });
  });

  test("use up a credit balance before they charge", async () => {
    const { customer, price } = await subscriber(bench.stripe);
    await bench.stripe.customers.update(customer.id, { balance: -1000 });
    const made = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      expand: ["latest_invoice"],
    });
    expect(made.latest_invoice).toMatchObject({
      total: 2500,
      amount_due: 1500,
      starting_balance: -1000,
      ending_balance: 0,
    });
    expect(await bench.stripe.customers.retrieve(customer.id)).toMatchObject({ balance: 0 });
  });
});

describe("pages for customers", () => {
  test("a checkout session is paid on its page and makes the subscription", async () => {
    const { price } = await subscriber(bench.stripe);
    const session = await bench.stripe.checkout.sessions.create({
      mode: "subscription",
      line_items: [{ price: price.id, quantity: 2 }],
      success_url: "https://example.com/thanks?s={CHECKOUT_SESSION_ID}",
    });
    const page = await (await fetch(session.url ?? "")).text();
    expect(page).toContain("$50.00");
    const declined = await fetch(session.url ?? "", {
      method: "POST",
      body: new URLSearchParams({ email: "bo@example.com", card: "pm_card_chargeCustomerFail" }),
    });
    expect(await declined.text()).toContain("Your card was declined.");
    const done = await fetch(session.url ?? "", {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ email: "bo@example.com", card: "pm_card_visa" }),
    });
    expect(done.headers.get("location")).toBe(`https://example.com/thanks?s=${session.id}`);
    const after = await bench.stripe.checkout.sessions.retrieve(session.id, {
      expand: ["subscription", "line_items"],
    });
    expect(after).toMatchObject({
      status: "complete",
      payment_status: "paid",
      subscription: { status: "active" },
    });
    expect(after.line_items?.data[0]?.quantity).toBe(2);
  });

  test("the portal cancels at the period's end", async () => {
    const { customer, price } = await subscriber(bench.stripe);
    const made = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const session = await bench.stripe.billingPortal.sessions.create({ customer: customer.id });
    await fetch(session.url, {
      method: "POST",
      body: new URLSearchParams({ subscription: made.id }),
    });
    expect((await bench.stripe.subscriptions.retrieve(made.id)).cancel_at_period_end).toBe(true);
  });

  test("the bank's page lets the customer authenticate, and the waiting subscription becomes active", async () => {
    const { customer, price } = await subscriber(bench.stripe, "pm_card_authenticationRequired");
    const made = await bench.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect(made.status).toBe("incomplete");
    expect(bench.types()).toContain("invoice.payment_action_required");
    const [intent] = (await bench.stripe.paymentIntents.list()).data;
    await fetch(`${bench.sandbox.stripeUrl}/3ds/${intent?.id ?? ""}`, { method: "POST" });
    expect((await bench.stripe.subscriptions.retrieve(made.id)).status).toBe("active");
  });

  test("names that customers chose are not markup", async () => {
    const { price } = await subscriber(bench.stripe);
    await bench.stripe.products.update(productOf(price), { name: "<script>alert(1)</script>" });
    const session = await bench.stripe.checkout.sessions.create({
      mode: "subscription",
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: "https://example.com",
    });
    expect(await (await fetch(session.url ?? "")).text()).not.toContain("<script>");
  });
});
