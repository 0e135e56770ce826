import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { systemClock } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { type Tx, inTx } from "#platform/db/tx.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { conflictsCheck } from "./checks.ts";
import {
  healthView,
  paymentMetrics,
  summaryMetrics,
  todayView,
  webhookMetrics,
} from "./contract.ts";
import { watchOperations } from "./operations.ts";
import { databaseSources } from "./sources.ts";
import { changeViews } from "./today.ts";

const NOW = new Date("2026-11-21T10:00:00Z");
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

let db: TestDatabase;
let pool: pg.Pool;
let psql: pg.Client;

const operations = watchOperations({
  sources: databaseSources,
  health: { version: "1", startedAt: NOW, clock: systemClock, checks: [] },
});

function contextOf(tx: Tx, workspaceId: number): Ctx {
  return {
    now: NOW,
    tx,
    actor: { kind: "system", job: "test" },
    workspace: { id: workspaceId, publicId: "ws", slug: "ws" },
    requestId: "req_1",
    ticket: null,
    audit: async () => undefined,
    announce: async () => undefined,
    enqueue: async () => undefined,
  };
}

async function ask(name: string, workspaceId: number, input: unknown = {}): Promise<unknown> {
  const bound = operations.find((each) => each.operation.name === name);
  if (bound === undefined) {
    throw new Error(`no operation ${name}`);
  }
  const run = <T>(work: (ctx: Ctx) => Promise<T>): Promise<T> =>
    inTx(pool, [workspaceId], (tx) => work(contextOf(tx, workspaceId)));
  return bound.execute(run, bound.operation.input.parse(input), null);
}

interface Seed {
  readonly id: number;
  readonly workspace: number;
  readonly at: Date;
  readonly key: string;
  readonly type?: string;
  readonly lane?: number;
  readonly state?: number;
  readonly fate?: number;
}
async function seed(event: Seed): Promise<void> {
  await psql.query(
    `insert into inbox_events (id, segment_id, occurred_at, received_at, workspace_id, endpoint_id, body_offset, body_length, provider, lane, secret_no, fingerprint, external_id, event_type, okey)
     values ($1::bigint, 1, $2, $2, $3, 1, 0, 2, 1, $4, 1, '\\x00', 'evt_' || $1::bigint, $5, $6)`,
    [event.id, event.at, event.workspace, event.lane ?? 1, event.type ?? "invoice.paid", event.key],
  );
  if (event.fate !== undefined) {
    await psql.query(
      "insert into inbox_outcomes (event_id, at, workspace_id, fate, attempts) values ($1, $2, $3, $4, 1)",
      [event.id, event.at, event.workspace, event.fate],
    );
    return;
  }
  await psql.query(
    "insert into inbox_work (event_id, workspace_id, lane, provider, state, okey) values ($1, $2, $3, 1, $4, $5)",
    [event.id, event.workspace, event.lane ?? 1, event.state ?? 0, event.key],
  );
}

beforeAll(async () => {
  db = await testDatabase();
  pool = openPool({
    url: db.serviceUrl,
    role: "purser_app",
    max: 2,
    applicationName: "test",
    onError: () => undefined,
  });
  psql = new pg.Client({ connectionString: db.superuserUrl });
  await psql.connect();
  // As the service: what the superuser writes is an out-of-band change and would be shown as one.
  await psql.query("set session authorization purser_service; set role purser_app");
  await psql.query(
    "insert into workspaces (public_id, slug, name, is_default, created_at) select 'ws_' || n, 'w' || n, 'w', n = 1, now() from generate_series(1, 3) n",
  );
  await psql.query("select set_config('purser.workspaces', '{1,2,3}', false)");
  await psql.query(
    "insert into organizations (id, workspace_id, name, plan_tier, created_at, updated_at) values ('org_a', 1, 'a', 'pro', now(), now()), ('org_b', 1, 'b', 'free', now(), now()), ('org_c', 2, 'c', 'free', now(), now())",
  );
  await psql.query(
    "insert into inbox_controls (provider, lane, paused, updated_at, updated_by) values (1, 9, true, $1, 'Ana')",
    [ago(600)],
  );
  await psql.query(
    "reset role; reset session authorization; set purser.workspaces = '{1,2,3}'; set session_replication_role = replica",
  );
  await psql.query("insert into inbox_nodes (id, kind, seen_at) values ('w', 'worker', $1)", [
    ago(1),
  ]);
  await psql.query(
    "insert into inbox_rates (minute, provider, lane, node, workspace_id, arrived, settled) values ($1, 1, 1, 'w', 1, 50, 150)",
    [ago(60)],
  );
  await psql.query(
    "insert into inbox_segments (id, workspace_id, at, events, body, digest) values (1, 1, $1, 7, '', '')",
    [ago(125)],
  );
  for (let id = 1; id <= 37; id += 1) {
    await seed({ id, workspace: 1, at: ago(id === 1 ? 840 : 90), key: `stripe:cus_${id % 12}` });
  }
  await seed({ id: 50, workspace: 1, at: ago(90), key: "stripe:cus_1", state: 1 });
  await seed({ id: 51, workspace: 1, at: ago(90), key: "paddle:sub_1", lane: 5, state: 2 });
  await seed({
    id: 60,
    workspace: 1,
    at: ago(60),
    key: "stripe:cus_99",
    fate: 5,
    type: "invoice.payment_failed",
  });
  for (let id = 61; id <= 100; id += 1) {
    await seed({ id, workspace: 1, at: ago(60), key: "stripe:cus_98", fate: 1 });
  }
  await psql.query(
    "insert into inbox_outcomes (event_id, at, workspace_id, fate, attempts) values (900, $1, 3, 5, 1)",
    [ago(30)],
  );
  await psql.query(
    `insert into inbox_conflicts (event_id, workspace_id, endpoint_id, external_id, fingerprint, body, received_at)
     values (1, 2, 1, 'evt_twice', '\\x01', '\\x02', $1), (2, 2, 1, 'evt_long_ago', '\\x01', '\\x02', $2)`,
    [ago(600), ago(7200)],
  );
  await psql.query("set session_replication_role = origin"); // audit_entries needs its stamp
  await psql.query(
    `insert into audit_entries (workspace_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id)
     values (1, $1, 'staff', 'u1', 'Ana', 'inbox.control_changed', 'control', 'stripe/9'),
            (1, $1, 'system', 'job', 'job', 'quota.month_begun', null, null),
            (1, $2, 'staff', 'u1', 'Ana', 'plan.changed', 'plan', 'pro'),
            (2, $1, 'staff', 'u2', 'Eve', 'plan.changed', 'plan', 'pro')`,
    [ago(600), ago(7 * 3600)],
  );
});
afterAll(async () => {
  await pool.end();
  await psql.end();
});

describe("today", () => {
  it("says what waits since when and who is hurt, from the rows of this workspace alone", async () => {
    const view = todayView.parse(await ask("today.show", 1));
    expect(view.state).toEqual({
      level: "fail",
      sentence:
        "37 events wait, the oldest for 14 minutes, 1 set aside (money), gone in about 1 minute; 13 customers are concerned.",
      since: ago(840).toISOString(),
      hurt: { customers: 13, events: 39 },
    });
    expect(
      view.lanes.map(({ name, waiting, parked, paused }) => [name, waiting, parked, paused]),
    ).toEqual([
      ["compliance", 0, 0, false],
      ["money", 37, 1, false],
      ["rest", 0, 0, false],
      ["replay", 0, 0, true],
    ]);
    expect(view.failures).toMatchObject({ received: 7, failed: 1, dead: 1, failureRate: 1 / 41 });
    expect(view.series.arrivals).toHaveLength(60);
    expect(view.series.arrivals.at(-4)).toBe(7);
    expect(view.series.failures.at(-2)).toBe(1);
  });

  it("shows what people changed in six hours, the switches with their names, and what to do", async () => {
    const view = todayView.parse(await ask("today.show", 1));
    expect(view.changed.map(({ actor, action }) => [actor, action])).toEqual([
      ["Ana", "inbox.control_changed"],
    ]);
    expect(view.switches).toMatchObject([
      { label: "stripe, replay", value: "paused", setBy: "Ana", level: "held" },
    ]);
    expect(view.suggestions.map(({ operation }) => operation)).toEqual([
      "inbox.replay",
      "inbox.controls.set",
    ]);
    expect(view.waiting.map(({ kind }) => kind)).toEqual(["failed_events"]);
  });

  it("of another workspace shows nothing of this one", async () => {
    const view = todayView.parse(await ask("today.show", 2));
    expect(view.lanes.every(({ waiting }) => waiting === 0)).toBe(true);
    expect(
      view.lanes.map(({ arrivedPerMinute, servedPerMinute }) => [
        arrivedPerMinute,
        servedPerMinute,
      ]),
    ).toEqual(Array.from({ length: 4 }, () => [0, 0]));
    // Paused for all, but by whom is not told, and nobody here is asked to open it.
    expect(view.switches).toMatchObject([{ value: "paused", setBy: "The installation" }]);
    expect(view.suggestions.map(({ operation }) => operation)).not.toContain("inbox.controls.set");
    expect(view.failures).toMatchObject({ received: 0, failed: 0 });
    expect(view.changed.map(({ actor }) => actor)).toEqual(["Eve"]);
  });

  it("says that an event came twice with different contents, and who may look (nobody was told)", async () => {
    const view = todayView.parse(await ask("today.show", 2));
    expect(view.state).toMatchObject({
      level: "warn",
      sentence:
        "1 event came again in 1 hour under a known id with other contents; the first counts.",
    });
    expect(view.failures.conflicts).toBe(1);
    expect(view.suggestions.map(({ operation }) => operation)).toContain("inbox.conflicts.list");
    expect(await conflictsCheck(pool, { ...systemClock, now: () => NOW }).run()).toMatchObject({
      level: "warn",
      sentence: expect.stringMatching(/^1 event came again/),
    });
  });

  it("with a failure whose event is past its retention still counts it", async () => {
    const view = todayView.parse(await ask("today.show", 3));
    expect(view.failures).toMatchObject({ dead: 1, failureRate: 1 });
  });
});

describe("what was changed", () => {
  it("by one statement typed in psql is one line that counts its rows", async () => {
    const typed = new pg.Client({ connectionString: db.operatorUrl });
    await typed.connect();
    await typed.query("update usage_quotas set quota_limit = 5 where organization_id = 'org_c'");
    await typed.end();
    // Written by the database's own clock, so asked for by a day on which it is surely within six hours.
    const lines = await inTx(pool, [2], (tx) =>
      databaseSources.changes(contextOf(tx, 2), new Date(0)),
    );
    const [first] = changeViews(lines);
    expect(first?.sentence).toBe(
      "purser_operator: SQL by hand, row updated (5 times, usage_quotas)",
    );
  });
});

describe("metrics", () => {
  it("of webhooks answer data with a failure rate, over the window asked for", async () => {
    const answer = webhookMetrics.output.parse(
      await ask("metrics.webhooks", 1, { window: "1440" }),
    );
    expect(answer.data).toMatchObject({
      windowMinutes: 1440,
      received: 80,
      processed: 40,
      failed: 1,
      pending: 38,
      failureRate: 1 / 41,
    });
    expect(answer.data.byType[0]).toEqual({
      eventType: "invoice.payment_failed",
      received: 1,
      failed: 1,
    });
    const short = webhookMetrics.output.parse(await ask("metrics.webhooks", 1, { window: 1 }));
    expect(short.data.received).toBe(41);
  });

  it("of payments, health and the summary answer in their contract's shape", async () => {
    expect(paymentMetrics.output.parse(await ask("metrics.payments", 1)).data.failureRate).toBe(0);
    expect(healthView.parse((await ask("health.show", 1)) satisfies unknown).status).toBe("ok");
    const { data } = summaryMetrics.output.parse(await ask("metrics.summary", 1));
    expect(data.organizations).toEqual({ total: 2, byTier: { free: 1, pro: 1 } });
    expect(data.webhooks).toMatchObject({ pending: 38, oldestAgeSeconds: 840, failed: 1 });
    expect(data.quotas).toEqual({ overLimit: 0, overrides: 0 });
  });
});
