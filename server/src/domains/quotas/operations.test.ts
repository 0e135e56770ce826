import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type MovableClock, movableClock } from "#platform/clock.ts";
import type { AuditEntry, Ctx } from "#platform/context.ts";
import { openListener } from "#platform/db/listener.ts";
import { migrateDownTo } from "#platform/db/migrate.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import type { BoundOperation, Run } from "#platform/operation/bound.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { QUOTA_CHECKS } from "./checks.ts";
import { followPlanChange, forgetOldRequests } from "./commands.ts";
import { openQuotaEngine } from "./engine.ts";
import {
  ENTITLEMENTS_CHANNEL,
  type EntitlementCache,
  openEntitlementCache,
} from "./entitlements.ts";
import { quotaOperations } from "./operations.ts";
import { seedOrganizations } from "./testing.ts";

let db: TestDatabase;
let pool: pg.Pool;
let psql: pg.Pool;
let owner: pg.Pool;
let clock: MovableClock;
let cache: EntitlementCache;
let operations: BoundOperation[];
let workspaceId: number;
let audited: AuditEntry[] = [];

const run: Run = (work) =>
  inTx(pool, [workspaceId], (tx) => {
    const ctx: Ctx = {
      now: clock.now(),
      tx,
      actor: { kind: "staff", id: "u1", name: "Ana", role: "admin" },
      workspace: { id: workspaceId, publicId: "ws_w", slug: "w" },
      requestId: "req_1",
      ticket: null,
      audit: async (entry) => {
        audited.push(entry);
      },
      announce: async () => undefined,
      enqueue: async () => undefined,
    };
    return work(ctx);
  });

function bound(name: string): BoundOperation {
  const found = operations.find((each) => each.operation.name === name);
  if (found === undefined) {
    throw new Error(`no operation ${name}`);
  }
  return found;
}
/** As a door calls it: input parsed, output checked against the contract. */
async function ask(name: string, input: unknown, hash: string | null = null): Promise<unknown> {
  const { operation, execute } = bound(name);
  return operation.output.parse(await execute(run, operation.input.parse(input), hash));
}
async function preview(name: string, input: unknown) {
  const { operation, preview: show } = bound(name);
  const made = await show?.(run, operation.input.parse(input));
  if (made === undefined) {
    throw new Error(`${name} has no preview`);
  }
  return made;
}
const at = (dimension: string, more: object = {}) => ({
  organizationId: "org_a",
  dimension,
  ...more,
});

beforeAll(async () => {
  db = await testDatabase();
  pool = openPool({
    url: db.serviceUrl,
    role: "purser_app",
    max: 6,
    applicationName: "test",
    onError: () => undefined,
  });
  psql = new pg.Pool({ connectionString: db.operatorUrl, max: 1 });
  owner = new pg.Pool({ connectionString: db.superuserUrl, max: 1 });
  for (const each of [psql, owner]) {
    each.on("error", () => undefined);
  }
  clock = movableClock(new Date("2026-11-21T09:30:00Z"));
  cache = openEntitlementCache(clock);
  operations = quotaOperations({ engine: openQuotaEngine({ pool, clock }), cache });
  workspaceId = await seedOrganizations(pool, owner, {
    slug: "w",
    ids: ["org_a", "org_b"],
    tier: "starter",
  });
});
afterAll(async () => {
  await Promise.all([pool.end(), psql.end(), owner.end()]);
});

describe("check, consume and release", () => {
  it("answer with limit, used, remaining, reset and header fields; check counts nothing", async () => {
    const expected = {
      allowed: true,
      limit: 100_000,
      resetsAt: "2026-12-01T00:00:00.000Z",
      tier: "starter",
      refusal: null,
    };
    expect(await ask("quotas.check", at("api_calls", { amount: "5" }))).toMatchObject({
      ...expected,
      used: 0,
    });
    expect(await ask("quotas.consume", at("api_calls", { amount: 5 }))).toMatchObject({
      ...expected,
      used: 5,
      remaining: 99_995,
      headers: {
        "RateLimit-Policy": '"api_calls";q=100000;w=2592000',
        RateLimit: '"api_calls";r=99995;t=829800',
      },
    });
    expect(await ask("quotas.release", at("api_calls", { amount: 2 }))).toMatchObject({
      used: 3,
      amount: 2,
    });
  });

  it("of an organization of nobody is 404, and a key used for two amounts 422", async () => {
    await expect(
      ask("quotas.consume", { organizationId: "org_x", dimension: "sites" }),
    ).rejects.toMatchObject({ spec: { status: 404 } });
    await ask("quotas.consume", at("posts", { idempotencyKey: "k", amount: 1 }));
    await expect(
      ask("quotas.consume", at("posts", { idempotencyKey: "k", amount: 2 })),
    ).rejects.toMatchObject({ spec: { status: 422 } });
  });

  it("in a batch one bad call hides nothing of the others", async () => {
    const items = [
      at("users", { amount: 4 }),
      { organizationId: "org_x", dimension: "users" },
      at("users", { amount: 2 }),
      at("users"),
    ];
    const answer = await ask("quotas.consume-batch", { items });
    expect(answer).toMatchObject({
      items: [
        { allowed: true, used: 4 },
        { allowed: false, refusal: { rule: "not_found" } },
        {
          allowed: false,
          refusal: {
            rule: "limit_reached",
            sentence: "Only 1 of 5 users of the starter plan are left.",
          },
        },
        { allowed: true, used: 5 },
      ],
    });
  });

  it("preview what they would do and do nothing", async () => {
    const shown = await preview("quotas.consume", at("storage_bytes", { amount: 7 }));
    expect(shown.changes).toEqual([
      {
        table: "usage_quotas",
        id: "org_a/storage_bytes",
        before: { current_usage: 0 },
        after: { current_usage: 7 },
      },
    ]);
    expect(await ask("quotas.check", at("storage_bytes"))).toMatchObject({ used: 0 });
  });
});

describe("set", () => {
  it("is shown first, signed, audited, and taken back by usePlan", async () => {
    const input = at("sites", { limit: 7, reason: "a favour" });
    const shown = await preview("quotas.set", input);
    expect(shown.summary).toBe("Set sites of org_a to 7 (override)");
    audited = [];
    expect(await ask("quotas.set", input, shown.hash)).toMatchObject({
      quota: { limit: 7, source: "override", overrideBy: "Ana" },
    });
    expect(audited).toMatchObject([
      { action: "quota.set", detail: { limit: [3, 7], reason: "a favour" } },
    ]);
    await expect(ask("quotas.set", input, "0".repeat(32))).rejects.toMatchObject({
      spec: { code: "platform/stale-preview" },
    });
    expect(await ask("quotas.set", at("sites", { usePlan: true }))).toMatchObject({
      quota: { limit: 3, source: "plan", overrideBy: null },
    });
  });

  it("refuses a call that sets nothing, and warns of what is over", async () => {
    await expect(ask("quotas.set", at("sites"))).rejects.toMatchObject({
      spec: { code: "quotas/nothing-to-set" },
    });
    const shown = await preview("quotas.set", at("sites", { limit: 1, usage: 4 }));
    expect(shown.warnings).toEqual(["4 are in use: they stay, none can be added below 1."]);
  });
});

describe("reset-all", () => {
  it("in the month it was begun takes nothing away; in the next begins it once; force says whom it hits", async () => {
    await ask("quotas.consume", { organizationId: "org_b", dimension: "api_calls", amount: 9 });
    expect(await ask("quotas.reset-all", {})).toMatchObject({
      reset: 0,
      alreadyReset: 2,
      periodStart: "2026-11-01T00:00:00.000Z",
    });
    clock.set(new Date("2026-12-03T07:00:00Z"));
    await ask("quotas.consume", { organizationId: "org_b", dimension: "api_calls", amount: 4 });
    expect(await ask("quotas.reset-all", {})).toMatchObject({ reset: 1, alreadyReset: 1 });
    expect(await ask("quotas.reset-all", {})).toMatchObject({ reset: 0, alreadyReset: 2 });
    expect(
      await ask("quotas.check", { organizationId: "org_b", dimension: "api_calls" }),
    ).toMatchObject({ used: 4 });
    expect((await preview("quotas.reset-all", { force: true })).warnings).toHaveLength(1);
    expect(await ask("quotas.reset-all", { force: true })).toMatchObject({ reset: 2 });
    expect(
      await ask("quotas.check", { organizationId: "org_b", dimension: "api_calls" }),
    ).toMatchObject({ used: 0 });
  });

  it("forgets keyed calls after a day", async () => {
    expect(await run(forgetOldRequests)).toBe(1);
    expect(await run(forgetOldRequests)).toBe(0);
  });
});

describe("entitlements", () => {
  const sites = async (): Promise<unknown> => {
    const answer = await ask("entitlements.show", { organizationId: "org_b" });
    return showSites(answer);
  };
  function showSites(answer: unknown): unknown {
    const { output } = bound("entitlements.show").operation;
    const parsed = JSON.parse(JSON.stringify(output.parse(answer)));
    return parsed.items.find((each: { dimension: string }) => each.dimension === "sites");
  }

  it("are cached for less than a second and then read anew", async () => {
    expect(await sites()).toMatchObject({ canAdd: true, limit: 3 });
    await psql.query(
      "update usage_quotas set current_usage = 3 where organization_id = 'org_b' and dimension = 'sites'",
    );
    expect(await sites()).toMatchObject({ canAdd: true, used: 0 });
    clock.advanceMs(1_000);
    expect(await sites()).toMatchObject({
      canAdd: false,
      used: 3,
      refusal: { rule: "limit_reached" },
    });
  });

  it("are forgotten by every node at once when a limit, a tier or a lock is typed in psql", async () => {
    const heard: string[] = [];
    let wake: () => void = () => undefined;
    const listener = openListener({ url: db.serviceUrl, applicationName: "test" });
    listener.on(ENTITLEMENTS_CHANNEL, (payload) => {
      heard.push(payload);
      cache.heard(payload);
      wake();
    });
    await listener.start();
    for (const typed of [
      "update usage_quotas set quota_limit = 8 where organization_id = 'org_b' and dimension = 'sites'",
      "update organizations set plan_tier = 'pro' where id = 'org_b'",
      "update organizations set locked_at = now() where id = 'org_b'",
    ]) {
      await sites();
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await psql.query(typed);
      await promise;
    }
    expect(new Set(heard)).toEqual(new Set(["org_b"]));
    expect(await sites()).toMatchObject({
      canAdd: false,
      limit: 10,
      refusal: { rule: "organization_locked" },
    });
    await ask("entitlements.invalidate", {});
    expect(cache.size()).toBe(0);
    await listener.stop();
  });
});

describe("the catalogue", () => {
  it("changed for a tier reaches its organizations but for their overrides, and the checks find nothing", async () => {
    await psql.query(
      "update usage_quotas set quota_limit = 6 where organization_id = 'org_a' and dimension = 'users'",
    );
    await run(async (ctx) => {
      await ctx.tx.client.query(
        `insert into plans (workspace_id, tier, version, name, unlimited, sites, posts, users, storage_bytes, api_calls, created_by, created_at)
         values ($1, 'starter', 1, 'Starter', false, 4, 2000, 9, 1, 2, 'test', now())`,
        [workspaceId],
      );
      await followPlanChange(ctx, { tier: "starter", version: 1 });
    });
    const shown = await ask("quotas.show", { organizationId: "org_a" });
    expect(shown).toMatchObject({
      items: [
        { limit: 4 },
        { limit: 2000 },
        { limit: 6, source: "override" },
        { limit: 1 },
        { limit: 2 },
      ],
    });
    for (const check of QUOTA_CHECKS) {
      expect((await owner.query(check.sql)).rows).toEqual([]);
    }
  });
});

describe("the migration", () => {
  it("has a way back", async () => {
    const { reverted } = await migrateDownTo(29, {
      ownerUrl: db.ownerUrl,
      passwords: null,
      log: () => undefined,
    });
    expect(reverted).toContain("0030-quotas");
    await psql.query("update organizations set plan_tier = 'free' where id = 'org_a'");
  });
});
