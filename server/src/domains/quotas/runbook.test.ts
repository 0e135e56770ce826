import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { DIMENSIONS, TIERS } from "#domains/billing/model.ts";
import { DEFAULT_PLANS } from "#domains/billing/plan.core.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { seedOrganizations } from "./testing.ts";

// The statements below are the runbook's (saas-billing.md) with the organization filled in, typed by the operator.
const UPGRADE = `UPDATE usage_quotas
   SET quota_limit = CASE dimension
     WHEN 'sites' THEN 10
     WHEN 'posts' THEN 10000
     WHEN 'users' THEN 25
     WHEN 'storage_bytes' THEN 107374182400
     WHEN 'api_calls' THEN 1000000
   END
   WHERE organization_id = 'org_a'`;
const DOWNGRADE = `UPDATE usage_quotas
   SET quota_limit = CASE dimension
     WHEN 'sites' THEN 3
     WHEN 'posts' THEN 1000
     WHEN 'users' THEN 5
     WHEN 'storage_bytes' THEN 10737418240
     WHEN 'api_calls' THEN 100000
   END
   WHERE organization_id = 'org_a'`;
const RESTORE = `UPDATE usage_quotas
   SET quota_limit = CASE dimension
     WHEN 'sites' THEN 10
     -- ... previous tier limits
   END
   WHERE organization_id = 'org_a'`;
const CHECK_USAGE = `SELECT uq.dimension, uq.current_usage, uq.quota_limit,
          CASE WHEN uq.current_usage > new_limits.limit_val THEN 'OVER_LIMIT' ELSE 'OK' END as status
   FROM usage_quotas uq
   CROSS JOIN (VALUES
     ('sites', 3), ('posts', 1000), ('users', 5),
     ('storage_bytes', 10737418240), ('api_calls', 100000)
   ) as new_limits(dim, limit_val)
   WHERE uq.organization_id = 'org_a'
   AND uq.dimension = new_limits.dim`;
const CHECK_RESET = `SELECT dimension, last_reset_at
   FROM usage_quotas
   WHERE dimension = 'api_calls'
   LIMIT 10`;
const tierTo = (tier: string): string =>
  `UPDATE organizations
   SET plan_tier = '${tier}'
   WHERE id = 'org_a'`;

let db: TestDatabase;
let psql: pg.Pool;
let app: pg.Pool;
let owner: pg.Pool;
let workspaceId: number;

beforeAll(async () => {
  db = await testDatabase();
  psql = new pg.Pool({ connectionString: db.operatorUrl, max: 1 });
  owner = new pg.Pool({ connectionString: db.superuserUrl, max: 1 });
  app = openPool({
    url: db.serviceUrl,
    role: "purser_app",
    max: 2,
    applicationName: "test",
    onError: () => undefined,
  });
});
afterAll(async () => {
  await Promise.all([psql.end(), app.end(), owner.end()]);
});
beforeEach(async () => {
  await owner.query("truncate usage_quotas, organizations cascade");
  workspaceId = await seedOrganizations(app, owner, { slug: "w", ids: ["org_a"], tier: "starter" });
});

interface Row {
  readonly quota_limit: number | null;
  readonly unlimited: boolean;
  readonly limit_source: string;
  readonly override_by: string | null;
}
async function quota(dimension: string): Promise<Row | undefined> {
  const found = await psql.query<Row>(
    "select quota_limit, unlimited, limit_source, override_by from usage_quotas where organization_id = 'org_a' and dimension = $1",
    [dimension],
  );
  return found.rows[0];
}
async function audited(action: string): Promise<number> {
  const found = await psql.query<{ n: number }>(
    "select count(*)::int as n from audit_entries where action = $1 and organization_id = 'org_a'",
    [action],
  );
  return found.rows[0]?.n ?? -1;
}

describe("the catalogue's defaults", () => {
  it.each(TIERS)("of %s are the same in SQL and in billing", async (tier) => {
    const plan = DEFAULT_PLANS[tier];
    const rows = await inTx(app, [workspaceId], async (tx) =>
      tx.client.query<{
        dimension: (typeof DIMENSIONS)[number];
        quota_limit: number | null;
        unlimited: boolean;
      }>("select * from quotas_plan_limits($1, $2)", [workspaceId, tier]),
    );
    expect(rows.rows).toHaveLength(DIMENSIONS.length);
    for (const row of rows.rows) {
      expect(row.unlimited).toBe(plan.unlimited);
      expect(row.quota_limit).toBe(plan.unlimited ? null : plan.limits[row.dimension]);
    }
  });
});

describe("typed in psql", () => {
  it("the upgrade's two statements leave the plan's limits", async () => {
    await psql.query(UPGRADE);
    expect(await quota("sites")).toEqual({
      quota_limit: 10,
      unlimited: false,
      limit_source: "override",
      override_by: "purser_operator",
    });
    await psql.query(tierTo("pro"));
    expect(await quota("api_calls")).toMatchObject({
      quota_limit: 1_000_000,
      limit_source: "plan",
    });
  });

  it("the downgrade's check names what is over, and its statements keep what exists", async () => {
    await psql.query(tierTo("pro"));
    await psql.query(
      "update usage_quotas set current_usage = 8 where organization_id = 'org_a' and dimension = 'sites'",
    );
    const checked = await psql.query<{ dimension: string; status: string }>(CHECK_USAGE);
    expect(
      checked.rows.filter((row) => row.status === "OVER_LIMIT").map((row) => row.dimension),
    ).toEqual(["sites"]);
    await psql.query(DOWNGRADE);
    await psql.query(tierTo("starter"));
    const left = await psql.query<{ current_usage: string }>(
      "SELECT * FROM usage_quotas WHERE organization_id = 'org_a' AND dimension = 'sites' AND quota_limit = 3",
    );
    expect(Number(left.rows[0]?.current_usage)).toBe(8);
  });

  it("a CASE without ELSE keeps the limits it names no number for, and the audit log says so", async () => {
    await psql.query(RESTORE);
    expect(await quota("sites")).toMatchObject({ quota_limit: 10, limit_source: "override" });
    expect(await quota("posts")).toMatchObject({
      quota_limit: 1000,
      unlimited: false,
      limit_source: "plan",
    });
    expect(await audited("quota.null_limit_kept")).toBe(4);
    expect(await audited("out_of_band.row_updated")).toBeGreaterThanOrEqual(1);
  });

  it("a limit holds while the tier stays, and falls when it changes", async () => {
    await psql.query(
      "UPDATE usage_quotas SET quota_limit = 7 WHERE organization_id = 'org_a' AND dimension = 'users'",
    );
    await psql.query(
      "update organizations set name = 'renamed', plan_tier = 'starter' where id = 'org_a'",
    );
    expect(await quota("users")).toMatchObject({ quota_limit: 7, limit_source: "override" });
    await psql.query(tierTo("free"));
    expect(await quota("users")).toMatchObject({ quota_limit: 2, limit_source: "plan" });
  });

  it("unlimited is a plan's and cannot be typed; a number typed over an unlimited plan binds", async () => {
    await psql.query(
      "update usage_quotas set unlimited = true, quota_limit = null where organization_id = 'org_a' and dimension = 'posts'",
    );
    expect(await quota("posts")).toMatchObject({ quota_limit: 1000, unlimited: false });
    await psql.query(tierTo("enterprise"));
    expect(await quota("posts")).toMatchObject({ quota_limit: null, unlimited: true });
    await psql.query(RESTORE);
    expect(await quota("posts")).toMatchObject({
      quota_limit: null,
      unlimited: true,
      limit_source: "plan",
    });
    expect(await quota("sites")).toMatchObject({
      quota_limit: 10,
      unlimited: false,
      limit_source: "override",
    });
  });

  it("a changed catalogue counts for organizations of the tier from then on", async () => {
    await inTx(app, [workspaceId], async (tx) => {
      await tx.client.query(
        `insert into plans (workspace_id, tier, version, name, unlimited, sites, posts, users, storage_bytes, api_calls, created_by, created_at)
         values ($1, 'pro', 1, 'Pro', false, 11, 12, 13, 14, 15, 'test', now()), ($1, 'pro', 2, 'Pro', false, 21, 22, 23, 24, 25, 'test', now())`,
        [workspaceId],
      );
    });
    await psql.query(tierTo("pro"));
    expect(await quota("sites")).toMatchObject({ quota_limit: 21 });
  });

  it("the check of the reset runs as printed", async () => {
    const rows = await psql.query(CHECK_RESET);
    expect(rows.rows).toHaveLength(1);
    expect(Object.keys(rows.rows[0] ?? {})).toEqual(["dimension", "last_reset_at"]);
  });
});
