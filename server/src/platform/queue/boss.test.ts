import pg from "pg";
import { getConstructionPlans } from "pg-boss";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { systemClock } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import {
  DEAD_QUEUE,
  ensureQueues,
  type QueueWorker,
  type RunReport,
  startQueueWorker,
} from "./boss.ts";
import { defineEvent } from "./events.ts";
import { handleJob, type QueueHandler, react, type RunJob } from "./handlers.ts";
import { defineJob, type JobOutcome } from "./jobs.ts";
import { openBufferedOutbox, openOutbox, reactionTable } from "./outbox.ts";

const greet = defineJob({
  name: "test.greet",
  payload: z.object({ name: z.string() }),
  attempts: 3,
});
const happened = defineEvent({ name: "test.happened", payload: z.object({ id: z.string() }) });

let database: TestDatabase;
let superuser: pg.Client;
let app: pg.Pool;
let jobs: pg.Pool;
let worker: QueueWorker | null = null;
let seen: { readonly what: string; readonly attempt: number }[] = [];
let reports: RunReport[] = [];
let outcome: () => JobOutcome = () => ({ kind: "done" });

const greeter = handleJob(greet, (unit, payload) => {
  seen.push({ what: payload.name, attempt: unit.attempt });
  return Promise.resolve(outcome());
});
const first = react(happened, "first", (ctx, fact) => {
  seen.push({ what: `first ${fact.id} ${ctx.workspace.id}`, attempt: 0 });
  return Promise.resolve();
});
const second = react(happened, "second", (_, fact) => {
  seen.push({ what: `second ${fact.id}`, attempt: 0 });
  return fact.id === "bad" ? Promise.reject(new Error("no")) : Promise.resolve();
});
const handlers: readonly QueueHandler[] = [greeter, first, second];
const scope = { reactions: reactionTable([first, second]), workspaceId: 7 };

/** What wiring does, as far as these handlers look at it. */
const runJob: RunJob = (job, work) =>
  inTx(app, [job.workspaceId], (tx) => {
    const outbox = openOutbox(tx, { ...scope, workspaceId: job.workspaceId });
    const ctx: Ctx = {
      now: systemClock.now(),
      tx,
      actor: { kind: "system", job: job.name },
      workspace: { id: job.workspaceId, publicId: "ws_7", slug: "seven" },
      requestId: job.id,
      ticket: null,
      audit: () => Promise.resolve(),
      ...outbox,
    };
    return work(ctx);
  });

function start(): QueueWorker {
  worker = startQueueWorker({
    url: database.serviceUrl,
    role: "purser_jobs",
    pool: jobs,
    handlers,
    runJob,
    recorder: {
      started: () => Promise.resolve(),
      ended: (report) => {
        reports.push(report);
        return Promise.resolve();
      },
    },
    now: () => systemClock.now(),
    log: pino({ level: "silent" }),
    pollSeconds: 0.5,
  });
  return worker;
}

function rows(where = "true") {
  return superuser
    .query<{ state: string; name: string; delay: number; data: { payload: unknown } }>(
      `select state, name, data, extract(epoch from start_after - completed_on)::float8 as delay from pgboss.job where ${where} order by created_on, name`,
    )
    .then((found) => found.rows);
}

beforeAll(async () => {
  database = await testDatabase();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const options = {
    url: database.serviceUrl,
    max: 4,
    applicationName: "t",
    onError: () => undefined,
  };
  app = openPool({ ...options, role: "purser_app" });
  jobs = openPool({ ...options, role: "purser_jobs" });
  await ensureQueues(jobs, handlers);
});

beforeEach(async () => {
  await superuser.query("delete from pgboss.job");
  seen = [];
  reports = [];
  outcome = () => ({ kind: "done" });
});

afterEach(async () => {
  await worker?.stop(2_000);
  worker = null;
});

afterAll(async () => {
  await Promise.all([app.end(), jobs.end(), superuser.end()]);
});

describe("outbox", () => {
  test("a job exists when its transaction committed, and not when it rolled back", async () => {
    await inTx(app, [7], (tx) => openOutbox(tx, scope).enqueue(greet, { name: "kept" }));
    await expect(
      inTx(app, [7], async (tx) => {
        await openOutbox(tx, scope).enqueue(greet, { name: "lost" });
        throw new Error("rolled back");
      }),
    ).rejects.toThrow("rolled back");
    expect((await rows()).map((row) => row.data.payload)).toEqual([{ name: "kept" }]);
  });

  test("a savepoint that is rolled back takes its jobs along, buffered or not", async () => {
    await inTx(app, [7], async (tx) => {
      const direct = openOutbox(tx, scope);
      const buffered = openBufferedOutbox(tx, scope);
      await buffered.enqueue(greet, { name: "buffered" });
      await tx.client.query("savepoint s");
      const mark = buffered.mark();
      await direct.enqueue(greet, { name: "gone" });
      await buffered.enqueue(greet, { name: "gone too" });
      await tx.client.query("rollback to s");
      buffered.rewind(mark);
      await buffered.flush();
    });
    expect((await rows()).map((row) => row.data.payload)).toEqual([{ name: "buffered" }]);
  });

  test("at most one waiting job per key and workspace; without a key every one counts", async () => {
    await inTx(app, [7], async (tx) => {
      const outbox = openOutbox(tx, scope);
      await outbox.enqueue(greet, { name: "a" }, { key: "k" });
      await outbox.enqueue(greet, { name: "b" }, { key: "k" });
      await outbox.enqueue(greet, { name: "c" }, { key: "k", workspaceId: 8 });
      await outbox.enqueue(greet, { name: "d" });
      await outbox.enqueue(greet, { name: "d" });
    });
    expect(await rows()).toHaveLength(4);
  });

  test("an announcement makes one job per reaction; with a key once and for all", async () => {
    for (const round of [1, 2, 3]) {
      await inTx(app, [7], async (tx) => {
        const outbox = openOutbox(tx, scope);
        await outbox.announce(happened, { id: `keyed ${round}` }, { workspaceId: 7, key: "evt_1" });
      });
    }
    expect((await rows()).map((row) => row.name)).toEqual([
      "on.test.happened.first",
      "on.test.happened.second",
    ]);
  });

  test("a payload that does not fit, a queue that nobody declared and a missing workspace are refused", async () => {
    const stranger = defineJob({ name: "test.stranger", payload: z.object({}), attempts: 1 });
    const nobody = { ...scope, workspaceId: null };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a caller without types would send
    const wrong = { name: 1 } as unknown as { name: string };
    await expect(
      inTx(app, [7], async (tx) => openOutbox(tx, scope).enqueue(greet, wrong)),
    ).rejects.toThrow(/expected string/);
    await expect(
      inTx(app, [7], async (tx) => openOutbox(tx, scope).enqueue(stranger, {})),
    ).rejects.toThrow("no such queue: test.stranger");
    await expect(
      inTx(app, [7], async (tx) => openOutbox(tx, nobody).enqueue(greet, { name: "x" })),
    ).rejects.toThrow(/without the workspace/);
  });

  test.each(["purser_app", "purser_worker"])(
    "%s sees nothing of the queue's tables",
    async (role) => {
      const pool = openPool({
        url: database.serviceUrl,
        role,
        max: 1,
        applicationName: "t",
        onError: () => undefined,
      });
      await expect(pool.query("select from pgboss.job")).rejects.toThrow(/permission denied/);
      await pool.end();
    },
  );
});

describe("worker", () => {
  test("runs jobs and reactions in their workspace; one reaction that fails repeats nobody else's", async () => {
    await inTx(app, [7], async (tx) => {
      await openOutbox(tx, scope).enqueue(greet, { name: "hello" });
      await openOutbox(tx, scope).announce(happened, { id: "bad" }, { workspaceId: 7 });
    });
    await start().ready;
    await expect
      .poll(() => reports.map((report) => `${report.job} ${report.outcome}`).toSorted(), {
        timeout: 10_000,
      })
      .toEqual([
        "on.test.happened.first done",
        "on.test.happened.second failed",
        "test.greet done",
      ]);
    expect(seen.map((each) => each.what).toSorted()).toEqual([
      "first bad 7",
      "hello",
      "second bad",
    ]);
  });

  test("a failing job waits longer each time, then is dead: kept, with its error", async () => {
    outcome = () => {
      throw new Error("the provider is away");
    };
    await inTx(app, [7], (tx) => openOutbox(tx, scope).enqueue(greet, { name: "doomed" }));
    await start().ready;
    const delays: number[] = [];
    for (const attempt of [1, 2]) {
      await expect.poll(() => rows("state = 'retry'"), { timeout: 10_000 }).toHaveLength(1);
      const due = await superuser.query<{ seconds: number }>(
        "select extract(epoch from start_after - now())::float8 as seconds from pgboss.job where state = 'retry'",
      );
      delays.push(due.rows[0]?.seconds ?? 0);
      expect(seen.at(-1)?.attempt).toBe(attempt);
      await superuser.query("update pgboss.job set start_after = now() where state = 'retry'");
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(attempt + 1);
    }
    expect(delays[0]).toBeGreaterThan(2);
    expect(delays[1]).toBeGreaterThan(delays[0] ?? 0);
    await expect.poll(() => rows(`name = '${DEAD_QUEUE}'`), { timeout: 10_000 }).toHaveLength(1);
    expect(reports.map((report) => report.outcome)).toEqual(["failed", "failed", "dead"]);
    const dead = await inTx(app, [7], (tx) =>
      tx.client.query("select job, attempts, error from purser_jobs_dead()"),
    );
    expect(dead.rows).toEqual([{ job: "test.greet", attempts: 3, error: "the provider is away" }]);
    const elsewhere = await inTx(app, [8], (tx) =>
      tx.client.query("select from purser_jobs_dead()"),
    );
    expect(elsewhere.rowCount).toBe(0);

    outcome = () => ({ kind: "done" });
    const id = await inTx(app, [7], (tx) =>
      tx.client.query<{ id: string }>("select id from purser_jobs_dead()"),
    );
    await inTx(app, [7], (tx) => tx.client.query("select purser_jobs_retry($1)", [id.rows[0]?.id]));
    await expect.poll(() => reports.at(-1)?.outcome, { timeout: 10_000 }).toBe("done");
    expect(await rows(`name = '${DEAD_QUEUE}'`)).toEqual([]);
  });

  test("a job that snoozes comes back later, a discarded one does not", async () => {
    const until = new Date("2099-01-01T00:00:00Z");
    outcome = () => ({ kind: "snooze", until });
    await inTx(app, [7], (tx) => openOutbox(tx, scope).enqueue(greet, { name: "sleepy" }));
    await start().ready;
    await expect.poll(() => reports.at(-1)?.outcome, { timeout: 10_000 }).toBe("snoozed");
    const waiting = await superuser.query(
      "select start_after from pgboss.job where state = 'created'",
    );
    expect(waiting.rows).toEqual([{ start_after: until }]);
    outcome = () => ({ kind: "discard", reason: "the customer is gone" });
    await superuser.query("update pgboss.job set start_after = now() where state = 'created'");
    await expect.poll(() => reports.at(-1)?.outcome, { timeout: 10_000 }).toBe("discarded");
    await expect
      .poll(() => rows("state in ('created', 'retry', 'active')"), { timeout: 10_000 })
      .toEqual([]);
  });

  test("goes on by itself when every connection is cut", async () => {
    await start().ready;
    await superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'purser jobs' and datname = current_database()",
    );
    await inTx(app, [7], (tx) => openOutbox(tx, scope).enqueue(greet, { name: "after" }));
    await expect.poll(() => seen.map((each) => each.what), { timeout: 15_000 }).toEqual(["after"]);
  });

  test("waits for a database that is not there yet, and can be stopped while it waits", async () => {
    const url = new URL(database.serviceUrl);
    url.port = "1";
    const nowhere = openPool({
      url: url.href,
      role: null,
      max: 1,
      applicationName: "t",
      connectTimeoutMs: 500,
      onError: () => undefined,
    });
    const waiting = startQueueWorker({
      url: url.href,
      role: null,
      pool: nowhere,
      handlers,
      runJob,
      recorder: { started: () => Promise.resolve(), ended: () => Promise.resolve() },
      now: () => systemClock.now(),
      log: pino({ level: "silent" }),
    });
    await expect(waiting.stop(1_000)).resolves.toBeUndefined();
    await nowhere.end();
  });
});

test("the migration holds the tables and functions of the pg-boss that is installed", async () => {
  const plan = getConstructionPlans("pgboss");
  const version = await superuser.query<{ version: number }>("select version from pgboss.version");
  expect(plan).toContain(`VALUES ('${version.rows[0]?.version}')`);
  const names = Array.from(
    plan.matchAll(/CREATE (?:TABLE|FUNCTION|TYPE) pgboss\.(\w+)/gu),
    (match) => match[1],
  );
  const found = await superuser.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'pgboss'::regnamespace
     union select proname from pg_proc where pronamespace = 'pgboss'::regnamespace
     union select typname from pg_type where typnamespace = 'pgboss'::regnamespace`,
  );
  const present = new Set(found.rows.map((row) => row.name));
  expect(names.filter((name) => !present.has(name ?? ""))).toEqual([]);
});
