import { afterAll, beforeAll, expect, test } from "vitest";

import { ask, at, makeCustomer, makePrice, type Product, startProduct, until } from "./product.ts";

let product: Product;
let starter = "";
let pro = "";

beforeAll(async () => {
  product = await startProduct();
  starter = await makePrice(product.stripe, "starter", 1900);
  pro = await makePrice(product.stripe, "pro", 4900);
});

afterAll(async () => {
  await product.remove();
});

interface Row {
  readonly id: string;
  readonly status: string;
  readonly plan_tier: string;
  readonly tier: string;
  readonly organization_id: string;
  readonly past_due_since: Date | null;
  readonly canceled_at: Date | null;
}

/** The record of a subscription, once it has that status and its organization that tier. */
function follows(id: string, status: string, tier: string): Promise<Row> {
  return until(
    `${id} is ${status} and its organization ${tier}`,
    async () => {
      const [row] = await product.sql<Row>(
        `select s.id, s.status, s.plan_tier, s.organization_id, s.past_due_since, s.canceled_at, o.plan_tier as tier
           from subscriptions s join organizations o on o.id = s.organization_id
          where s.stripe_subscription_id = $1`,
        [id],
      );
      return row?.status === status && row.tier === tier && row;
    },
    20_000,
  );
}

async function subscribe(email: string, price: string): Promise<{ id: string; customer: string }> {
  const customer = await makeCustomer(product.stripe, email);
  const { id } = await product.stripe.subscriptions.create({ customer, items: [{ price }] });
  return { id, customer };
}

async function limitsOf(organization: string): Promise<Record<string, string>> {
  const rows = await product.sql<{ dimension: string; quota_limit: string }>(
    "select dimension, quota_limit from usage_quotas where organization_id = $1",
    [organization],
  );
  return Object.fromEntries(rows.map((row) => [row.dimension, row.quota_limit]));
}

const LIMITS = {
  free: { sites: "1", users: "2" },
  starter: { sites: "3", posts: "1000", users: "5", api_calls: "100000" },
  pro: { sites: "10", posts: "10000", users: "25", api_calls: "1000000" },
};

test("the printed password opens a session that reads the desk; a wrong one opens nothing", async () => {
  const said = product.said();
  const email = /Sign in as\s+(\S+)/u.exec(said)?.[1] ?? "";
  const password = /password\s+(\S+)/u.exec(said)?.[1] ?? "";
  const signIn = (secret: string) =>
    ask(
      `${product.base}/api/auth/sign-in/email`,
      "POST",
      { email, password: secret },
      {
        origin: product.base,
      },
    );
  const refused = await signIn(`${password}x`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("set-cookie")).toBeNull();

  const opened = await signIn(password);
  expect(opened.status).toBe(200);
  const cookie = opened.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  const session = await ask(`${product.base}/api/session`, "GET", undefined, { cookie });
  expect(at(session.body, "actor.role")).toBe("owner");
  expect((await ask(`${product.base}/api/session`, "GET", undefined, {})).status).toBe(401);
});

test("a subscription made with Stripe's SDK is the record, the tier and the quotas, by SQL, REST and CLI", async () => {
  const { id } = await subscribe("ada@acme.test", starter);
  const row = await follows(id, "active", "starter");
  expect(await limitsOf(row.organization_id)).toMatchObject(LIMITS.starter);

  const shown = await product.api("GET", `/api/subscriptions/${id}`);
  expect(shown.body).toMatchObject({
    stripeSubscriptionId: id,
    status: "active",
    tier: "starter",
    amount: { minor: 1900, currency: "usd" },
  });
  expect(await product.json("subscriptions", "show", id)).toMatchObject({ status: "active" });
  const quotas = await product.api("GET", `/api/organizations/${row.organization_id}/quotas`);
  expect(at(quotas.body, "tier")).toBe("starter");
});

test("a change of price at Stripe lifts tier and quotas", async () => {
  const { id } = await subscribe("grace@upgrade.test", starter);
  await follows(id, "active", "starter");
  const before = await product.stripe.subscriptions.retrieve(id);
  await product.stripe.subscriptions.update(id, {
    items: [{ id: before.items.data[0]?.id ?? "", price: pro }],
  });
  const row = await follows(id, "active", "pro");
  expect(row.plan_tier).toBe("pro");
  expect(await limitsOf(row.organization_id)).toMatchObject(LIMITS.pro);
});

test("a subscription cancelled at Stripe leaves the organization on the free tier", async () => {
  const { id } = await subscribe("leaver@cancel.test", pro);
  await follows(id, "active", "pro");
  await product.stripe.subscriptions.cancel(id);
  const row = await follows(id, "canceled", "free");
  expect(row.canceled_at).not.toBeNull();
  expect(await limitsOf(row.organization_id)).toMatchObject(LIMITS.free);
});

test("a cancellation asked for at Purser is done at Stripe and comes back as an event", async () => {
  const { id } = await subscribe("desk@cancel.test", pro);
  await follows(id, "active", "pro");
  const preview = await product.purser(
    "subscriptions",
    "cancel",
    id,
    "--when",
    "now",
    "--reason",
    "asked by phone",
    "--preview",
  );
  expect(preview.code).toBe(0);
  expect((await product.stripe.subscriptions.retrieve(id)).status).toBe("active");
  const done = await product.purser(
    "subscriptions",
    "cancel",
    id,
    "--when",
    "now",
    "--reason",
    "asked by phone",
    "--yes",
  );
  expect({ code: done.code, err: done.err }).toEqual({ code: 0, err: "" });
  await follows(id, "canceled", "free");
  expect((await product.stripe.subscriptions.retrieve(id)).status).toBe("canceled");
});

test("a refund and a dispute of a charge are on the payment's record", async () => {
  const { customer, id } = await subscribe("money@back.test", pro);
  const row = await follows(id, "active", "pro");
  const [charge] = (await product.stripe.charges.list({ customer })).data;
  await product.stripe.refunds.create({ charge: charge?.id ?? "", amount: 1000 });
  await product.controlCall("POST", "/disputes", { charge: charge?.id ?? "" });
  await until("refund and dispute are recorded", async () => {
    const [payment] = await product.sql<{ refunded: string; disputed: boolean; refunds: string }>(
      `select p.amount_refunded_cents as refunded, p.disputed,
              (select count(*) from refunds r where r.organization_id = p.organization_id) as refunds
         from payments p where p.organization_id = $1 and p.disputed`,
      [row.organization_id],
    );
    return payment?.refunded === "1000" && payment.refunds === "1" && payment;
  });
  const dispute = await product.sql<{ status: string; amount_cents: string }>(
    "select status, amount_cents from disputes where organization_id = $1",
    [row.organization_id],
  );
  expect(dispute).toEqual([{ status: "needs_response", amount_cents: "4900" }]);
});

test("`stripe trigger` and `stripe events resend` of the official command line arrive", async () => {
  const triggered = await product.stripeCli("trigger", "customer.subscription.created");
  expect(triggered.out).toContain("Trigger succeeded");
  const [newest] = (
    await product.stripe.events.list({ type: "customer.subscription.created", limit: 1 })
  ).data;
  const id = newest?.id ?? "";
  const settled = (): Promise<{ duplicates: string; fate: number | null }[]> =>
    product.sql(
      `select o.fate, (select coalesce(sum(d.count), 0) from inbox_duplicates d where d.event_id = e.id) as duplicates
         from inbox_events e left join inbox_outcomes o on o.event_id = e.id where e.external_id = $1`,
      [id],
    );
  await until("the triggered event is applied", async () => {
    const [row] = await settled();
    return row !== undefined && row.fate !== null;
  });
  const resent = await product.stripeCli("events", "resend", id);
  expect(resent.code).toBe(0);
  await until("the second delivery is known as a duplicate", async () => {
    const [row] = await settled();
    return Number(row?.duplicates) >= 1;
  });
  expect(
    await product.sql("select 1 from subscription_events where stripe_event_id = $1", [id]),
  ).toHaveLength(1);
});

test("a renewal that fails makes it past due since the failure; the tier stays for now", async () => {
  const { customer, id } = await subscribe("late@payer.test", pro);
  const row = await follows(id, "active", "pro");
  const failing = await product.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
    customer,
  });
  await product.stripe.customers.update(customer, {
    invoice_settings: { default_payment_method: failing.id },
  });
  // Moves the whole sandbox a month and a bit, so this is the last of these tests to look at a new subscription.
  await product.controlCall("POST", "/clock", { advance: 32 * 86_400 });
  const late = await follows(id, "past_due", "pro");
  const [failed] = (await product.stripe.events.list({ type: "invoice.payment_failed" })).data;
  const changes = await product.stripe.events.list({
    type: "customer.subscription.updated",
    limit: 100,
  });
  const entry = changes.data.find(
    (event) =>
      "id" in event.data.object &&
      event.data.object.id === id &&
      "status" in event.data.object &&
      event.data.object.status === "past_due" &&
      event.data.previous_attributes !== undefined &&
      "status" in event.data.previous_attributes,
  );
  expect(failed).toBeDefined();
  expect(late.past_due_since?.getTime()).toBe((entry?.created ?? 0) * 1000);
  expect(row.past_due_since).toBeNull();
  const explained = await product.api("GET", `/api/subscriptions/${id}/explain`);
  expect(JSON.stringify(explained.body)).toContain(entry?.id);
});
