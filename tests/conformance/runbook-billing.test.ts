import { afterAll, beforeAll, expect, it } from "vitest";

import { type Kit, openKit } from "./projection-kit.ts";
import { invoiceBody, subscriptionBody } from "./stripe-shapes.ts";

let kit: Kit;
let organization: string;
const NOW_S = 1_795_262_400; // 2026-11-21

beforeAll(async () => {
  kit = await openKit();
  const state = { id: "sub_xxx", customer: "cus_1", created: NOW_S - 40 * 86_400 };
  await kit.project([
    {
      id: "evt_1",
      type: "customer.subscription.created",
      created: state.created,
      object: subscriptionBody("basil", { ...state, status: "active" }),
    },
    {
      id: "evt_2",
      type: "invoice.paid",
      created: state.created + 60,
      object: invoiceBody("basil", {
        id: "in_1",
        customer: "cus_1",
        subscription: "sub_xxx",
        status: "paid",
        created: state.created,
        paidAt: state.created + 60,
      }),
    },
    {
      id: "evt_3",
      type: "customer.subscription.deleted",
      created: NOW_S - 3_600,
      object: subscriptionBody("basil", {
        ...state,
        status: "canceled",
        canceledAt: NOW_S - 3_600,
        endedAt: NOW_S - 3_600,
      }),
    },
  ]);
  const found = await kit.operator.query<{ organization_id: string }>(
    "select organization_id from subscriptions",
  );
  organization = found.rows[0]?.organization_id ?? "";
});
afterAll(() => kit.end());

/**
 * Every statement of the billing runbook over subscriptions, subscription_events, invoices and
 * organizations, as printed; `<org_id>` is filled in. Those of usage_quotas are the quotas room's.
 * The number is how many rows it gives, or changes, here.
 */
const LINES: readonly (readonly [section: string, sql: string, rows: number])[] = [
  [
    "Process Grace Period Expirations, 1",
    `SELECT s.id, s.organization_id, o.name, s.updated_at,
          NOW() - s.updated_at as time_in_grace
   FROM subscriptions s
   JOIN organizations o ON o.id = s.organization_id
   WHERE s.status = 'past_due'
   AND s.updated_at < NOW() - INTERVAL '7 days'
   ORDER BY s.updated_at;`,
    0,
  ],
  [
    "Process Grace Period Expirations, 3",
    `SELECT * FROM subscriptions
   WHERE status = 'canceled'
   AND canceled_at > NOW() - INTERVAL '1 day'
   ORDER BY canceled_at DESC;`,
    -1,
  ],
  [
    "MRR Report",
    `SELECT
     DATE_TRUNC('month', created_at) as month,
     plan_tier,
     COUNT(*) as subscriptions,
     SUM(CASE WHEN billing_cycle = 'annual' THEN amount_cents/12 ELSE amount_cents END) as mrr_cents
   FROM subscriptions
   WHERE status = 'active'
   GROUP BY DATE_TRUNC('month', created_at), plan_tier
   ORDER BY month DESC, plan_tier;`,
    0,
  ],
  [
    "Churn Report",
    `SELECT
     DATE_TRUNC('month', canceled_at) as month,
     COUNT(*) as churned_subscriptions,
     SUM(amount_cents) as churned_revenue_cents
   FROM subscriptions
   WHERE status = 'canceled'
   AND canceled_at IS NOT NULL
   GROUP BY DATE_TRUNC('month', canceled_at)
   ORDER BY month DESC;`,
    1,
  ],
  [
    "Revenue Report",
    `SELECT
     DATE_TRUNC('month', paid_at) as month,
     COUNT(*) as invoices,
     SUM(amount_paid_cents) as revenue_cents
   FROM invoices
   WHERE status = 'paid'
   GROUP BY DATE_TRUNC('month', paid_at)
   ORDER BY month DESC;`,
    1,
  ],
  [
    "Upgrade Customer Plan, 1",
    `SELECT s.*, o.name
   FROM subscriptions s
   JOIN organizations o ON o.id = s.organization_id
   WHERE s.organization_id = <org_id>;`,
    1,
  ],
  [
    "Upgrade Customer Plan, 4",
    `UPDATE organizations
   SET plan_tier = 'pro'
   WHERE id = <org_id>;`,
    1,
  ],
  ["Upgrade Customer Plan, 5", "SELECT * FROM subscriptions WHERE organization_id = <org_id>;", 1],
  [
    "Downgrade Customer Plan, 4",
    `UPDATE organizations
   SET plan_tier = 'starter'
   WHERE id = <org_id>;`,
    1,
  ],
  [
    "Issue Refund, 1",
    `SELECT i.stripe_invoice_id, i.amount_paid_cents, i.paid_at
   FROM invoices i
   WHERE i.organization_id = <org_id>
   AND i.status = 'paid'
   ORDER BY i.paid_at DESC;`,
    1,
  ],
  [
    "Cancel Subscription, 4",
    `SELECT * FROM subscription_events
   WHERE event_type = 'customer.subscription.deleted'
   AND data::text LIKE '%sub_xxx%'
   ORDER BY created_at DESC LIMIT 1;`,
    1,
  ],
  [
    "Cancel Subscription, 5",
    `SELECT o.plan_tier, s.status
   FROM organizations o
   JOIN subscriptions s ON s.organization_id = o.id
   WHERE o.id = <org_id>;`,
    1,
  ],
  [
    "Reactivate Canceled Subscription, 1",
    `SELECT * FROM subscriptions
   WHERE organization_id = <org_id>
   AND status = 'canceled';`,
    1,
  ],
  [
    "Webhook Processing Failure, 1",
    `SELECT event_type, COUNT(*), MAX(created_at)
   FROM subscription_events
   WHERE processed_at IS NULL
   OR processing_error IS NOT NULL
   GROUP BY event_type;`,
    0,
  ],
  [
    "Mass Payment Failure, 1",
    `SELECT COUNT(*), MIN(created_at), MAX(created_at)
   FROM subscription_events
   WHERE event_type = 'invoice.payment_failed'
   AND created_at > NOW() - INTERVAL '1 hour';`,
    1,
  ],
  [
    "Subscription State Mismatch, 1",
    `SELECT * FROM subscriptions
   WHERE stripe_subscription_id = 'sub_xxx';`,
    1,
  ],
  [
    "Subscription State Mismatch, 2",
    `SELECT stripe_event_id, event_type, processed_at, processing_error
   FROM subscription_events
   WHERE data::text LIKE '%sub_xxx%'
   ORDER BY created_at;`,
    3,
  ],
  [
    "Subscription State Mismatch, 3",
    `UPDATE subscriptions
   SET status = 'active',
       plan_tier = 'pro',
       current_period_end = '2025-02-01',
       updated_at = NOW()
   WHERE stripe_subscription_id = 'sub_xxx';`,
    1,
  ],
  [
    "Daily Health Check, 4",
    `SELECT COUNT(*) as failed_events
   FROM subscription_events
   WHERE processed_at IS NULL
   OR processing_error IS NOT NULL;`,
    1,
  ],
];

it.each(LINES)("%s runs as printed", async (_section, sql, rows) => {
  const result = await kit.operator.query(sql.replaceAll("<org_id>", `'${organization}'`));
  // The one that looks at the last day depends on the day on which the test runs.
  expect(rows === -1 ? rows : result.rowCount).toBe(rows);
});

it("an UPDATE as printed leaves its line in the audit log, with the login that typed it", async () => {
  const lines = await kit.operator.query(
    "select subject_kind, actor_name, count(*)::int as n from audit_entries where action = 'out_of_band.row_updated' and subject_kind in ('organizations', 'subscriptions') group by 1, 2 order by 1",
  );
  expect(lines.rows).toEqual([
    { subject_kind: "organizations", actor_name: "purser_operator", n: 2 },
    { subject_kind: "subscriptions", actor_name: "purser_operator", n: 1 },
  ]);
});
