import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { record } from "#domains/audit/commands.ts";
import { movableClock } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { ensureQueues } from "#platform/queue/boss.ts";
import { openOutbox } from "#platform/queue/outbox.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { deleteRunsBefore } from "./commands.ts";
import { jobsListOperation, jobsRunOperation, jobsRunsOperation } from "./contract.ts";
import { jobsOperations } from "./operations.ts";
import { runRecorder } from "./recorder.ts";
import { createScheduler } from "./scheduler.ts";

const START = new Date("2026-11-21T09:00:30Z");
const LINE = { job: "test.nightly", title: "Clean up at night", cron: "0 3 * * *" };
const EVERY = { job: "test.often", title: "Look around", cron: "*/5 * * * *" };

let database: TestDatabase;
let superuser: pg.Client;
let worker: pg.Pool;
let app: pg.Pool;
let workspace = 0;
const clock = movableClock(START);

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
  worker = openPool({ ...options, role: "purser_worker" });
  app = openPool({ ...options, role: "purser_app" });
  const jobs = openPool({ ...options, role: "purser_jobs" });
  await ensureQueues(
    jobs,
    [LINE, EVERY].map((line) => ({ queue: line.job, attempts: 3 })),
  );
  await jobs.end();
  const made = await superuser.query<{ id: number }>(
    "insert into workspaces (public_id, slug, name, created_at) values ('ws_1', 'one', 'One', now()) returning id",
  );
  workspace = made.rows[0]?.id ?? 0;
});

beforeEach(async () => {
  await superuser.query("truncate pgboss.job, job_schedules, job_runs");
  clock.set(START);
});

afterAll(async () => {
  await Promise.all([worker.end(), app.end(), superuser.end()]);
});

function scheduler(schedule = [LINE, EVERY]) {
  return createScheduler({ pool: worker, clock, schedule, onError: () => undefined });
}

async function waiting(): Promise<readonly string[]> {
  const found = await superuser.query<{ name: string }>(
    "select name from pgboss.job where state = 'created' order by name",
  );
  return found.rows.map((row) => row.name);
}

async function call(name: string, input: unknown): Promise<unknown> {
  const bound = jobsOperations().find((each) => each.operation.name === name);
  return bound?.execute(
    (work) =>
      inTx(app, [workspace], (tx) => {
        const base = {
          now: clock.now(),
          tx,
          actor: { kind: "staff", id: "stf_1", name: "Ada", role: "owner" } as const,
          workspace: { id: workspace, publicId: "ws_1", slug: "one" },
          requestId: `req_${Math.trunc(clock.monotonicMs())}`,
          ticket: null,
        };
        const outbox = openOutbox(tx, { reactions: new Map(), workspaceId: workspace });
        const ctx: Ctx = { ...base, audit: (entry) => record(base, entry), ...outbox };
        return work(ctx);
      }),
    bound.operation.input.parse(input),
    null,
  );
}

describe("the schedule", () => {
  test("a new line waits for its next minute and does not run at the first start", async () => {
    expect(await scheduler().tick()).toEqual([]);
    expect(await waiting()).toEqual([]);
  });

  test("each due minute is filed once, however many schedulers look", async () => {
    const many = [scheduler(), scheduler(), scheduler()];
    await Promise.all(many.map((each) => each.tick()));
    clock.set(new Date("2026-11-21T09:05:00Z"));
    const filed = await Promise.all(many.map((each) => each.tick()));
    expect(filed.flat()).toEqual(["test.often"]);
    expect(await waiting()).toEqual(["test.often"]);
    clock.advanceMs(59_000);
    expect(await scheduler().tick()).toEqual([]);
  });

  test("a night of missed minutes is one run, and a run that still waits is not doubled", async () => {
    await scheduler().tick();
    clock.set(new Date("2026-11-24T12:02:00Z"));
    expect((await scheduler().tick()).toSorted()).toEqual(["test.nightly", "test.often"]);
    clock.set(new Date("2026-11-24T12:05:00Z"));
    expect(await scheduler().tick()).toEqual(["test.often"]);
    expect(await waiting()).toEqual(["test.nightly", "test.often"]);
  });

  test("a line that the program no longer has is not asked for any more", async () => {
    await scheduler().tick();
    await scheduler([LINE]).tick();
    const names = await superuser.query("select name from job_schedules");
    expect(names.rows).toEqual([{ name: LINE.job }]);
  });

  test("what is no cron line stops the start", () => {
    expect(() => scheduler([{ ...LINE, cron: "daily" }])).toThrow(/no cron line: daily/);
  });
});

describe("the record of runs", () => {
  const base = {
    job: LINE.job,
    jobId: "00000000-0000-8000-a000-000000000001",
    workspaceId: null,
    attempt: 1,
    startedAt: START,
  };
  const recorder = () => runRecorder(worker, new Set([LINE.job]), () => clock.now());

  test("a scheduled run is there while it runs and says what it came to", async () => {
    await recorder().started(base);
    const during = jobsRunsOperation.output.parse(await call("jobs.runs", {}));
    expect(during.items).toMatchObject([{ job: LINE.job, outcome: "running", endedAt: null }]);
    await recorder().ended({ ...base, outcome: "done", note: "12 rows" });
    await scheduler().tick();
    const listed = jobsListOperation.output.parse(await call("jobs.list", {}));
    expect(listed.items).toMatchObject([
      {
        name: "test.nightly",
        nextRunAt: "2026-11-22T03:00:00.000Z",
        lastRun: { outcome: "done", note: "12 rows" },
      },
      { name: "test.often", nextRunAt: "2026-11-21T09:05:00.000Z", lastRun: null },
    ]);
  });

  test("a run whose process died is lost when the job starts again", async () => {
    await recorder().started(base);
    await recorder().started({ ...base, attempt: 2 });
    const runs = jobsRunsOperation.output.parse(await call("jobs.runs", {}));
    expect(runs.items.map((run) => [run.attempt, run.outcome])).toEqual([
      [2, "running"],
      [1, "lost"],
    ]);
  });

  test("of other jobs only failures are kept, and another workspace's are not shown", async () => {
    const other = { ...base, job: "test.other", workspaceId: workspace };
    await recorder().ended({ ...other, outcome: "done", note: null });
    await recorder().ended({ ...other, outcome: "failed", note: "no".repeat(1_000) });
    const runs = jobsRunsOperation.output.parse(await call("jobs.runs", {}));
    expect(runs.items.map((run) => [run.outcome, run.note?.length])).toEqual([["failed", 500]]);
    const elsewhere = await inTx(app, [workspace + 1], (tx) =>
      tx.client.query("select from job_runs"),
    );
    expect(elsewhere.rowCount).toBe(0);
  });
});

test("runs of more than 90 days ago are forgotten, of every workspace", async () => {
  await superuser.query(
    `insert into job_runs (workspace_id, job, job_id, attempt, started_at, ended_at, outcome)
     select w, 'test.other', gen_random_uuid(), 1, e, e, 'failed'
       from unnest(array[null, $1]::int[]) w, unnest(array[$2::timestamptz - interval '91 days', $2 - interval '89 days']) e`,
    [workspace, START],
  );
  expect(await deleteRunsBefore(worker, new Date("2026-08-23T09:00:30Z"))).toBe(2);
});

describe("asking for a run", () => {
  test("files one run, in the log, and a second one only when the first has begun", async () => {
    await scheduler().tick();
    const run = async () =>
      jobsRunOperation.output.parse(await call("jobs.run", { name: LINE.job }));
    expect(await run()).toEqual({ name: LINE.job, queued: true });
    clock.advanceMs(1_000);
    expect(await run()).toEqual({ name: LINE.job, queued: false });
    const lines = await superuser.query(
      "select subject_id from audit_entries where action = 'job.run_requested'",
    );
    expect(lines.rows).toEqual([{ subject_id: LINE.job }, { subject_id: LINE.job }]);
  });

  test("a job that is on no schedule is refused", async () => {
    await expect(call("jobs.run", { name: "test.unknown" })).rejects.toThrow(/no such job/);
  });

  test("retrying what is not dead is refused", async () => {
    await expect(
      call("jobs.retry", { id: "00000000-0000-8000-a000-000000000009" }),
    ).rejects.toThrow(/given up/);
  });
});
