import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  ask,
  at,
  makeCustomer,
  makePrice,
  type Product,
  startProduct,
  tokenIn,
  until,
} from "./product.ts";

let product: Product;
/** What an operator would copy from a ticket into the lines. */
const ids = { org: "", sub: "", ended: "" };

beforeAll(async () => {
  product = await startProduct();
  const { stripe } = product;
  const pro = await makePrice(stripe, "pro", 4900);
  const subscribe = async (email: string): Promise<string> => {
    const customer = await makeCustomer(stripe, email);
    return (await stripe.subscriptions.create({ customer, items: [{ price: pro }] })).id;
  };
  ids.sub = await subscribe("ada@acme.test");
  ids.ended = await subscribe("gone@acme.test");
  await stripe.subscriptions.cancel(ids.ended);
  const late = await makeCustomer(stripe, "late@acme.test");
  const failing = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
    customer: late,
  });
  await stripe.subscriptions
    .create({ customer: late, items: [{ price: pro }], trial_period_days: 1 })
    .then(() =>
      stripe.customers.update(late, { invoice_settings: { default_payment_method: failing.id } }),
    );
  await product.controlCall("POST", "/clock", { advance: 2 * 86_400 });
  await until("three subscriptions in three states", async () => {
    const rows = await product.sql<{ status: string; organization_id: string; sub: string }>(
      "select status, organization_id, stripe_subscription_id as sub from subscriptions order by status",
    );
    ids.org = rows.find((row) => row.sub === ids.sub)?.organization_id ?? "";
    return rows.map((row) => row.status).join(" ") === "active canceled past_due";
  });
});

afterAll(async () => {
  await product.remove();
});

/** A line of the runbook with its blanks filled in: text ids are quoted. */
function filled(sql: string): string {
  return sql
    .replaceAll("<org_id>", `'${ids.org}'`)
    .replaceAll("<correct_limit>", "12")
    .replaceAll("<dimension>", "sites")
    .replaceAll("sub_xxx", ids.sub);
}

const asked = async (sql: string) => product.sql(filled(sql));

describe("reading lines run as printed and find what they look for", () => {
  test("when quotas were last reset", async () => {
    const rows = await asked(`
      SELECT dimension, last_reset_at FROM usage_quotas WHERE dimension = 'api_calls' LIMIT 10;`);
    expect(rows).toHaveLength(3);
    expect(rows[0]?.["last_reset_at"]).toBeInstanceOf(Date);
  });

  test("pending expirations of grace", async () => {
    // By updated_at, as printed: two days late is not seven, whatever the column says.
    const rows = await asked(`
      SELECT s.id, s.organization_id, o.name, s.updated_at, NOW() - s.updated_at as time_in_grace
      FROM subscriptions s JOIN organizations o ON o.id = s.organization_id
      WHERE s.status = 'past_due' AND s.updated_at < NOW() - INTERVAL '7 days' ORDER BY s.updated_at;`);
    expect(rows).toEqual([]);
    const right = await asked(
      "SELECT past_due_since FROM subscriptions WHERE status = 'past_due' AND past_due_since IS NOT NULL",
    );
    expect(right).toHaveLength(1);
  });

  test("cancellations of the last day", async () => {
    const rows = await asked(`
      SELECT * FROM subscriptions WHERE status = 'canceled' AND canceled_at > NOW() - INTERVAL '1 day'
      ORDER BY canceled_at DESC;`);
    expect(rows.map((row) => row["stripe_subscription_id"])).toEqual([ids.ended]);
  });

  test("MRR, churn and revenue", async () => {
    const mrr = await asked(`
      SELECT DATE_TRUNC('month', created_at) as month, plan_tier, COUNT(*) as subscriptions,
        SUM(CASE WHEN billing_cycle = 'annual' THEN amount_cents/12 ELSE amount_cents END) as mrr_cents
      FROM subscriptions WHERE status = 'active' GROUP BY DATE_TRUNC('month', created_at), plan_tier
      ORDER BY month DESC, plan_tier;`);
    expect(mrr).toMatchObject([{ plan_tier: "pro", subscriptions: "1", mrr_cents: "4900" }]);
    const churn = await asked(`
      SELECT DATE_TRUNC('month', canceled_at) as month, COUNT(*) as churned_subscriptions,
        SUM(amount_cents) as churned_revenue_cents
      FROM subscriptions WHERE status = 'canceled' AND canceled_at IS NOT NULL
      GROUP BY DATE_TRUNC('month', canceled_at) ORDER BY month DESC;`);
    expect(churn).toMatchObject([{ churned_subscriptions: "1", churned_revenue_cents: "4900" }]);
    const revenue = await asked(`
      SELECT DATE_TRUNC('month', paid_at) as month, COUNT(*) as invoices, SUM(amount_paid_cents) as revenue_cents
      FROM invoices WHERE status = 'paid' GROUP BY DATE_TRUNC('month', paid_at) ORDER BY month DESC;`);
    expect(revenue.reduce((sum, row) => sum + Number(row["revenue_cents"]), 0)).toBe(9800);
  });

  test("a customer's subscription and quotas", async () => {
    const [row] = await asked(`
      SELECT s.*, o.name FROM subscriptions s JOIN organizations o ON o.id = s.organization_id
      WHERE s.organization_id = <org_id>;`);
    expect(row).toMatchObject({ stripe_subscription_id: ids.sub, status: "active", name: "ada" });
    expect(
      await asked("SELECT * FROM subscriptions WHERE organization_id = <org_id>;"),
    ).toHaveLength(1);
    expect(
      await asked("SELECT * FROM usage_quotas WHERE organization_id = <org_id>;"),
    ).toHaveLength(5);
    expect(
      await asked(
        "SELECT * FROM subscriptions WHERE organization_id = <org_id> AND status = 'canceled';",
      ),
    ).toEqual([]);
  });

  test("usage against the limits of a lower plan", async () => {
    const rows = await asked(`
      SELECT uq.dimension, uq.current_usage, uq.quota_limit,
             CASE WHEN uq.current_usage > new_limits.limit_val THEN 'OVER_LIMIT' ELSE 'OK' END as status
      FROM usage_quotas uq
      CROSS JOIN (VALUES ('sites', 3), ('posts', 1000), ('users', 5),
        ('storage_bytes', 10737418240), ('api_calls', 100000)) as new_limits(dim, limit_val)
      WHERE uq.organization_id = <org_id> AND uq.dimension = new_limits.dim;`);
    expect(rows.map((row) => row["status"])).toEqual(["OK", "OK", "OK", "OK", "OK"]);
  });

  test("the invoice to refund", async () => {
    const rows = await asked(`
      SELECT i.stripe_invoice_id, i.amount_paid_cents, i.paid_at FROM invoices i
      WHERE i.organization_id = <org_id> AND i.status = 'paid' ORDER BY i.paid_at DESC;`);
    expect(rows).toMatchObject([{ amount_paid_cents: "4900" }]);
  });

  test("whether a cancellation's webhook was processed, and the tier after it", async () => {
    const [event] = await product.sql(
      `SELECT * FROM subscription_events WHERE event_type = 'customer.subscription.deleted'
       AND data::text LIKE '%${ids.ended}%' ORDER BY created_at DESC LIMIT 1;`,
    );
    expect(event?.["processed_at"]).toBeInstanceOf(Date);
    const [row] = await asked(`
      SELECT o.plan_tier, s.status FROM organizations o JOIN subscriptions s ON s.organization_id = o.id
      WHERE o.id = <org_id>;`);
    expect(row).toEqual({ plan_tier: "pro", status: "active" });
  });

  test("failed events, by type and counted", async () => {
    expect(
      await asked(`
      SELECT event_type, COUNT(*), MAX(created_at) FROM subscription_events
      WHERE processed_at IS NULL OR processing_error IS NOT NULL GROUP BY event_type;`),
    ).toEqual([]);
    expect(
      await asked(`
      SELECT COUNT(*) as failed_events FROM subscription_events
      WHERE processed_at IS NULL OR processing_error IS NOT NULL;`),
    ).toEqual([{ failed_events: "0" }]);
  });

  test("payment failures of the last hour", async () => {
    const [row] = await asked(`
      SELECT COUNT(*), MIN(created_at), MAX(created_at) FROM subscription_events
      WHERE event_type = 'invoice.payment_failed' AND created_at > NOW() - INTERVAL '1 hour';`);
    expect(Number(row?.["count"])).toBeGreaterThanOrEqual(1);
  });

  test("the record of a subscription and its events", async () => {
    expect(
      await asked("SELECT * FROM subscriptions WHERE stripe_subscription_id = 'sub_xxx';"),
    ).toHaveLength(1);
    const events = await asked(`
      SELECT stripe_event_id, event_type, processed_at, processing_error FROM subscription_events
      WHERE data::text LIKE '%sub_xxx%' ORDER BY created_at;`);
    expect(events.map((row) => row["event_type"])).toContain("customer.subscription.created");
    expect(events.every((row) => row["processing_error"] === null)).toBe(true);
  });
});

interface Mark {
  readonly action: string;
  readonly actor: string;
  readonly subject_kind: string;
}

/** The lines of the audit log that one statement typed by the operator leaves. */
async function marksOf(sql: string): Promise<Mark[]> {
  const [before] = await product.sql<{ last: string }>(
    "select coalesce(max(id), 0) as last from audit_entries",
  );
  await product.sql(filled(sql));
  return product.sql<Mark>(
    `select action, actor_name as actor, subject_kind from audit_entries
      where id > $1 and action like 'out_of_band%'`,
    [before?.last],
  );
}

const limitsOf = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await product.sql<{ dimension: string; quota_limit: string }>(
        "select dimension, quota_limit from usage_quotas where organization_id = $1",
        [ids.org],
      )
    ).map((row) => [row.dimension, Number(row.quota_limit)]),
  );

describe("writing lines run as printed and leave their mark in the audit log", () => {
  test("limits and tier of an organization, down and up again", async () => {
    const typed = async (limits: readonly number[], tier: string): Promise<void> => {
      const [sites, posts, users, storage, calls] = limits;
      const marks = await marksOf(`
        UPDATE usage_quotas SET quota_limit = CASE dimension
          WHEN 'sites' THEN ${sites} WHEN 'posts' THEN ${posts} WHEN 'users' THEN ${users}
          WHEN 'storage_bytes' THEN ${storage} WHEN 'api_calls' THEN ${calls} END
        WHERE organization_id = <org_id>;`);
      // A line for every row.
      expect(marks.map((mark) => mark.actor)).toEqual(
        Array.from({ length: 5 }, () => "purser_operator"),
      );
      expect(await limitsOf()).toEqual({
        sites,
        posts,
        users,
        storage_bytes: storage,
        api_calls: calls,
      });
      const more = await marksOf(
        `UPDATE organizations SET plan_tier = '${tier}' WHERE id = <org_id>;`,
      );
      expect(more.map((mark) => mark.actor)).toContain("purser_operator");
      const [row] = await product.sql("select plan_tier, source from organizations where id = $1", [
        ids.org,
      ]);
      expect(row).toEqual({ plan_tier: tier, source: "psql:purser_operator" });
    };
    await typed([3, 1000, 5, 10_737_418_240, 100_000], "starter");
    await typed([10, 10_000, 25, 107_374_182_400, 1_000_000], "pro");
  });

  test("the CASE without an ELSE harms nobody: other limits stay as they were", async () => {
    const before = await limitsOf();
    const marks = await marksOf(`
      UPDATE usage_quotas SET quota_limit = CASE dimension WHEN 'sites' THEN 10 END
      WHERE organization_id = <org_id>;`);
    expect(marks.length).toBeGreaterThan(0);
    expect(await limitsOf()).toEqual({ ...before, sites: 10 });
  });

  test("one limit by hand", async () => {
    const marks = await marksOf(`
      UPDATE usage_quotas SET quota_limit = <correct_limit>
      WHERE organization_id = <org_id> AND dimension = '<dimension>';`);
    expect(marks).toMatchObject([{ actor: "purser_operator" }]);
    expect((await limitsOf())["sites"]).toBe(12);
  });

  test("a subscription's state by hand; Stripe's word stays available", async () => {
    const marks = await marksOf(`
      UPDATE subscriptions SET status = 'active', plan_tier = 'pro', current_period_end = '2027-02-01',
        updated_at = NOW() WHERE stripe_subscription_id = 'sub_xxx';`);
    expect(marks).toMatchObject([{ actor: "purser_operator" }]);
    const [typed] = await product.sql(
      "select source from subscriptions where stripe_subscription_id = $1",
      [ids.sub],
    );
    expect(typed).toEqual({ source: "psql:purser_operator" });
    const resynced = await product.api("POST", `/api/subscriptions/${ids.sub}/resync`, {});
    expect(resynced.status).toBe(200);
    const truth = await product.stripe.subscriptions.retrieve(ids.sub);
    const [row] = await product.sql<{ end: Date }>(
      'select current_period_end as "end" from subscriptions where stripe_subscription_id = $1',
      [ids.sub],
    );
    expect(row?.end.getTime()).toBe((truth.items.data[0]?.current_period_end ?? 0) * 1000);
  });

  test("DDL and the audit log are out of the operator's reach", async () => {
    await expect(
      product.sql("ALTER TABLE subscriptions DROP COLUMN IF EXISTS cancel_at_period_end_pending;"),
    ).rejects.toThrow(/must be owner/u);
    await expect(product.sql("DELETE FROM audit_entries")).rejects.toThrow(/permission denied/u);
  });
});

describe("curl lines answer as printed", () => {
  const curl = async (method: string, path: string, headers: Record<string, string> = {}) =>
    ask(`${product.base}${path}`, method, undefined, headers);
  const bearer = (): Record<string, string> => ({
    Authorization: `Bearer ${tokenIn(product.data)}`,
  });

  test("resetting quotas: api_calls to nought, the rest unchanged", async () => {
    await product.api("POST", `/api/organizations/${ids.org}/quotas/sites/consume`, { amount: 2 });
    const before = await limitsOf();
    const reset = await curl("POST", "/api/quotas/reset-all", bearer());
    expect(reset.status).toBe(200);
    const [sites] = await product.sql(
      "select current_usage from usage_quotas where organization_id = $1 and dimension = 'sites'",
      [ids.org],
    );
    expect(sites).toEqual({ current_usage: "2" });
    expect(await limitsOf()).toEqual(before);
    expect((await curl("POST", "/api/quotas/reset-all")).status).toBe(401);
  });

  test("metrics of health, webhooks and the summary", async () => {
    const health = await curl("GET", "/api/metrics/health", bearer());
    expect(at(health.body, "data.status")).toBe("ok");
    const summary = await curl("GET", "/api/metrics/summary", bearer());
    expect(at(summary.body, "data.subscriptions.byStatus")).toEqual({
      active: 1,
      canceled: 1,
      past_due: 1,
    });
    const webhooks = await curl("GET", "/api/metrics/webhooks?window=1440", bearer());
    expect(at(webhooks.body, "data.failureRate")).toBe(0);
    expect(Number(at(webhooks.body, "data.received"))).toBeGreaterThan(20);
    const payments = await curl("GET", "/api/metrics/payments", bearer());
    expect(payments.status).toBe(200);
    for (const path of ["health", "summary", "webhooks", "payments"]) {
      expect((await curl("GET", `/api/metrics/${path}`)).status).toBe(401);
    }
  });

  test("the service is restored", async () => {
    for (const path of ["/api/health", "/health"]) {
      const answer = await curl("GET", path);
      expect(answer.status).toBe(200);
      expect(at(answer.body, "status")).toBe("ok");
    }
  });
});

describe("lines of the stripe CLI", () => {
  test("change a plan, take back a cancellation, refund, cancel, look at the balance", async () => {
    const { customer } = await product.stripe.subscriptions.retrieve(ids.sub);
    const [charge] = (
      await product.stripe.charges.list({
        customer: typeof customer === "string" ? customer : customer.id,
      })
    ).data;
    const [invoice] = (await product.stripe.invoices.list({ subscription: ids.sub })).data;
    const lines = [
      ["subscriptions", "update", ids.sub, "--cancel-at-period-end=true"],
      ["subscriptions", "update", ids.sub, "--cancel-at-period-end=false"],
      ["subscriptions", "retrieve", ids.sub],
      ["invoices", "retrieve", invoice?.id ?? ""],
      ["refunds", "create", `--charge=${charge?.id}`, "--amount=1500"],
      ["balance", "retrieve"],
      ["subscriptions", "cancel", ids.sub, "--confirm"],
    ];
    for (const line of lines) {
      const ran = await product.stripeCli(...line);
      expect({ line, code: ran.code, err: ran.err }).toEqual({ line, code: 0, err: "" });
    }
    await until("refund and cancellation are recorded", async () => {
      const [row] = await product.sql<{ status: string; refunded: string }>(
        `select s.status, (select sum(r.amount_cents) from refunds r where r.organization_id = s.organization_id) as refunded
           from subscriptions s where s.stripe_subscription_id = $1`,
        [ids.sub],
      );
      return row?.status === "canceled" && row.refunded === "1500";
    });
  });
});
