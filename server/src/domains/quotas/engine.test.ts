import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type MovableClock, movableClock } from "#platform/clock.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { type QuotaEngine, openQuotaEngine } from "./engine.ts";
import { type UsageCall, type UsageOutcome, monthStart } from "./quota.core.ts";
import { countReset, resetRows } from "./store.ts";
import { seedOrganizations } from "./testing.ts";

let db: TestDatabase;
let pool: pg.Pool;
let owner: pg.Pool;
let clock: MovableClock;
let engines: QuotaEngine[];
let workspaceId: number;
let other: number;

beforeAll(async () => {
  db = await testDatabase();
  const open = () =>
    openPool({
      url: db.serviceUrl,
      role: "purser_app",
      max: 8,
      applicationName: "test",
      onError: () => undefined,
    });
  pool = open();
  owner = new pg.Pool({ connectionString: db.superuserUrl, max: 2 });
  owner.on("error", () => undefined);
  clock = movableClock(new Date("2026-11-21T09:30:00Z"));
  engines = [1, 2, 3].map(() => openQuotaEngine({ pool, clock }));
  const ids = ["hot", "batch", "keys", "month", "soft", "mixed", "memory"].map(
    (name) => `org_${name}`,
  );
  workspaceId = await seedOrganizations(pool, owner, { slug: "one", ids, tier: "starter" });
  other = await seedOrganizations(pool, owner, {
    slug: "two",
    ids: ["org_theirs"],
    tier: "starter",
  });
});
afterAll(async () => {
  await pool.end();
  await owner.end();
});

function call(organizationId: string, over: Partial<UsageCall> = {}): UsageCall {
  return { workspaceId, organizationId, dimension: "api_calls", amount: 1, key: null, ...over };
}
async function set(organizationId: string, dimension: string, values: string): Promise<void> {
  await owner.query(
    `update usage_quotas set ${values} where organization_id = $1 and dimension = $2`,
    [organizationId, dimension],
  );
}
async function usage(organizationId: string, dimension = "api_calls"): Promise<number> {
  const found = await owner.query<{ current_usage: number }>(
    "select current_usage from usage_quotas where organization_id = $1 and dimension = $2",
    [organizationId, dimension],
  );
  return found.rows[0]?.current_usage ?? -1;
}
function granted(outcomes: readonly UsageOutcome[]): number {
  return outcomes.filter((each) => each.kind === "answered" && each.answer.rule === null).length;
}
const reset = (now: Date): Promise<number> =>
  inTx(pool, [workspaceId], (tx) =>
    resetRows(tx.client, workspaceId, ["api_calls"], { before: monthStart(now), now }),
  );
const engineOf = (index: number): QuotaEngine => {
  const engine = engines[index % engines.length];
  if (engine === undefined) {
    throw new Error("no engine");
  }
  return engine;
};

describe("consume", () => {
  it("at a limit of 617 lets exactly 617 of 1,000 concurrent callers on three engines pass", async () => {
    await set("org_hot", "api_calls", "quota_limit = 617, current_usage = 0");
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => engineOf(index).use(call("org_hot"))),
    );
    expect(granted(outcomes)).toBe(617);
    expect(await usage("org_hot")).toBe(617);
  });

  it("with amounts of all sizes on three engines never passes the limit and counts what it granted", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 20, maxLength: 120 }),
        fc.integer({ min: 0, max: 900 }),
        async (amounts, limit) => {
          await set("org_mixed", "sites", `quota_limit = ${limit}, current_usage = 0`);
          const outcomes = await Promise.all(
            amounts.map((amount, index) =>
              engineOf(index).use(call("org_mixed", { dimension: "sites", amount })),
            ),
          );
          const sum = amounts
            .filter((_, index) => granted(outcomes.slice(index, index + 1)) === 1)
            .reduce((left, right) => left + right, 0);
          const used = await usage("org_mixed", "sites");
          expect(used).toBe(sum);
          expect(used).toBeLessThanOrEqual(limit);
          const refused = amounts.filter(
            (_, index) => granted(outcomes.slice(index, index + 1)) === 0,
          );
          expect(refused.every((amount) => amount > limit - used)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("does not see an organization of another workspace", async () => {
    expect(await engineOf(0).use(call("org_theirs"))).toEqual({ kind: "unknown_organization" });
    expect(granted([await engineOf(0).use(call("org_theirs", { workspaceId: other }))])).toBe(1);
  });

  it("makes the rows of an organization that has none, from its plan", async () => {
    await owner.query("delete from usage_quotas where organization_id = 'org_batch'");
    const outcomes = await engineOf(0).useMany([
      call("org_batch", { dimension: "sites", amount: 2 }),
      call("org_batch", { dimension: "sites", amount: 2 }),
      call("org_batch", { dimension: "sites", amount: 1 }),
    ]);
    expect(outcomes.map((each) => each.kind === "answered" && each.answer.rule)).toEqual([
      null,
      "limit_reached",
      null,
    ]);
  });
});

describe("what is remembered between flushes", () => {
  it("never decides: a lock, a limit or a usage typed meanwhile binds the very next call", async () => {
    const engine = openQuotaEngine({ pool, clock });
    const ask = (amount = 1) => engine.use(call("org_memory", { dimension: "posts", amount }));
    await ask();
    await ask();
    await set("org_memory", "posts", "current_usage = 998");
    expect(await ask()).toMatchObject({ answer: { rule: null, state: { used: 999 } } });
    for (let turn = 0; turn < 20; turn += 1) {
      await ask(-1); // beyond the flushes that distrust costs
      await ask(1);
    }
    await owner.query("update organizations set locked_at = now() where id = 'org_memory'");
    expect(await ask()).toMatchObject({ answer: { rule: "organization_locked" } });
    await owner.query(
      "update organizations set locked_at = null, plan_tier = 'free' where id = 'org_memory'",
    );
    expect(await ask()).toMatchObject({ answer: { rule: "over_limit", row: { tier: "free" } } });
  });

  it("of one engine is right while another counts and a person types, whatever the order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            engine: fc.nat(2),
            amount: fc.integer({ min: -3, max: 9 }).filter((amount) => amount !== 0),
            typed: fc.option(fc.nat(40), { freq: 9 }),
          }),
          { maxLength: 60 },
        ),
        async (steps) => {
          await set("org_memory", "users", "quota_limit = 60, current_usage = 0");
          let used = 0;
          for (const { engine, amount, typed } of steps) {
            if (typed !== null) {
              await set("org_memory", "users", `current_usage = ${typed}`);
              used = typed;
            }
            const [outcome] = await engineOf(engine).useMany([
              call("org_memory", { dimension: "users", amount }),
            ]);
            const allowed = amount < 0 || used + amount <= 60;
            used = allowed ? Math.max(0, used + amount) : used;
            expect(outcome).toMatchObject({
              answer: { rule: allowed ? null : "limit_reached", state: { used } },
            });
          }
          expect(await usage("org_memory", "users")).toBe(used);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("an idempotency key", () => {
  it("retried 200 times at once on three engines counts once", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        engineOf(index).use(call("org_keys", { key: "order-1", amount: 5 })),
      ),
    );
    expect(granted(outcomes)).toBe(200);
    expect(
      outcomes.filter((each) => each.kind === "answered" && !each.answer.replayed),
    ).toHaveLength(1);
    expect(await usage("org_keys")).toBe(5);
  });

  it("is refused for another amount, and counts again after a day", async () => {
    const engine = engineOf(0);
    expect(await engine.use(call("org_keys", { key: "order-1", amount: 6 }))).toEqual({
      kind: "key_reused",
    });
    clock.advanceMs(25 * 3_600_000);
    await engine.use(call("org_keys", { key: "order-1", amount: 5 }));
    expect(await usage("org_keys")).toBe(10);
  });

  it("of a refused call is free: the retry is decided anew", async () => {
    const engine = engineOf(0);
    await set("org_keys", "sites", "quota_limit = 0");
    const ask = () => engine.use(call("org_keys", { key: "site-1", dimension: "sites" }));
    expect(granted([await ask()])).toBe(0);
    await set("org_keys", "sites", "quota_limit = 1");
    expect(granted([await ask(), await ask()])).toBe(2);
    expect(await usage("org_keys", "sites")).toBe(1);
  });
});

describe("the month", () => {
  it("turns under 1,000 callers and three resets at once without losing or doubling a call", async () => {
    clock.set(new Date("2026-11-30T23:59:59.990Z"));
    await set(
      "org_month",
      "api_calls",
      "quota_limit = 100000, current_usage = 0, last_reset_at = '2026-11-01'",
    );
    await set("org_month", "sites", "current_usage = 2");
    const before: Promise<UsageOutcome>[] = [];
    for (let index = 0; index < 500; index += 1) {
      before.push(engineOf(index).use(call("org_month")));
    }
    await Promise.all(before);
    expect(await usage("org_month")).toBe(500);
    clock.set(new Date("2026-12-01T00:00:00.010Z"));
    const calls = Array.from({ length: 500 }, (_, index) => engineOf(index).use(call("org_month")));
    await Promise.all([...calls, reset(clock.now()), reset(clock.now()), reset(clock.now())]);
    expect(await usage("org_month")).toBe(500);
    expect(await reset(clock.now())).toBe(0); // late, once more
    expect(await usage("org_month")).toBe(500);
    expect(await usage("org_month", "sites")).toBe(2);
    const counts = await inTx(pool, [workspaceId], (tx) =>
      countReset(tx.client, workspaceId, ["api_calls"], monthStart(clock.now())),
    );
    expect(counts.due).toBe(0);
    const times = await owner.query<{ recent: boolean }>(
      "select bool_and(last_reset_at = $1) as recent from usage_quotas where dimension = 'api_calls' and workspace_id = $2",
      [clock.now(), workspaceId],
    );
    expect(times.rows[0]?.recent).toBe(true);
  });
});

const askForSites = (amount: number): Promise<UsageOutcome> =>
  engineOf(0).use(call("org_soft", { dimension: "sites", amount }));

describe("after a downgrade", () => {
  it("what exists stays, nothing is added, and the answer names the rule until enough is released", async () => {
    await set("org_soft", "sites", "quota_limit = 10, current_usage = 8");
    await owner.query("update organizations set plan_tier = 'pro' where id = 'org_soft'");
    await owner.query("update organizations set plan_tier = 'starter' where id = 'org_soft'");
    expect(await askForSites(1)).toMatchObject({
      answer: { rule: "over_limit", state: { used: 8, limit: 3 } },
    });
    await askForSites(-5);
    expect(await askForSites(1)).toMatchObject({ answer: { rule: "limit_reached" } });
    await askForSites(-1);
    expect(await askForSites(1)).toMatchObject({
      answer: { rule: null, state: { used: 3, remaining: 0 } },
    });
  });
});
