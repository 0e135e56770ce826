import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BILLING_CHECKS } from "#domains/billing/checks.ts";
import { QUOTA_CHECKS } from "#domains/quotas/checks.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { brokenPromises } from "./integrity.ts";

const CHECKS = [...BILLING_CHECKS, ...QUOTA_CHECKS];

let database: TestDatabase;
let worker: ReturnType<typeof openPool>;
beforeAll(async () => {
  database = await testDatabase();
  worker = openPool({
    url: database.serviceUrl,
    role: "purser_worker",
    max: 2,
    applicationName: "test",
    onError: () => undefined,
  });
  await worker.query("select 1");
});
afterAll(async () => {
  await worker.end();
});

async function asOwner(sql: string, values: unknown[] = []): Promise<void> {
  const owner = openPool({
    url: database.superuserUrl,
    role: null,
    max: 1,
    applicationName: "test",
    onError: () => undefined,
  });
  try {
    await owner.query(sql, values);
  } finally {
    await owner.end();
  }
}

describe("the hourly check of the record", () => {
  it("finds nothing in an empty workspace, with the worker's own rights", async () => {
    await asOwner(
      "insert into workspaces (public_id, slug, name, created_at) values ('ws_a', 'a', 'A', now()), ('ws_b', 'b', 'B', now())",
    );
    expect(await inTx(worker, [1], (tx) => brokenPromises({ tx }, CHECKS))).toEqual([]);
  });

  it("names an organization on a paid tier that pays for nothing, in its own workspace only", async () => {
    await asOwner(
      `insert into organizations (id, workspace_id, name, plan_tier, created_at, updated_at)
       values ('org_x', 2, 'X', 'pro', now(), now())`,
    );
    expect(await inTx(worker, [1], (tx) => brokenPromises({ tx }, CHECKS))).toEqual([]);
    const broken = await inTx(worker, [2], (tx) => brokenPromises({ tx }, CHECKS));
    expect(broken.map(({ check, rows }) => [check.name, rows])).toEqual([
      [
        "billing.tier_follows_subscriptions",
        [{ id: "org_x", what: "is on pro without a live subscription" }],
      ],
    ]);
  });
});
