import type { Pool } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

import { systemClock } from "#platform/clock.ts";
import { migrateUp } from "#platform/db/migrate.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import { startTestCluster } from "#platform/testing/cluster.ts";

import { ensureQueues, type QueueWorker, startQueueWorker } from "./boss.ts";
import { handleJob, type RunJob } from "./handlers.ts";
import { defineJob } from "./jobs.ts";
import { openOutbox } from "./outbox.ts";

const count = defineJob({ name: "test.count", payload: z.object({ n: z.number() }), attempts: 5 });
const JOBS = 40;
const JOBS_BEFORE_THE_KILL = 5;

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let app: Pool;
let jobs: Pool;
let worker: QueueWorker | null = null;

beforeAll(async () => {
  cluster = await startTestCluster();
  await migrateUp({
    ownerUrl: cluster.ownerUrl,
    passwords: {
      service: cluster.credentials.purser_service,
      operator: cluster.credentials.purser_operator,
    },
    log: () => undefined,
  });
  const options = {
    url: cluster.serviceUrl,
    max: 4,
    applicationName: "t",
    onError: () => undefined,
  };
  app = openPool({ ...options, role: "purser_app" });
  jobs = openPool({ ...options, role: "purser_jobs" });
}, 60_000);

afterAll(async () => {
  await worker?.stop(5_000);
  await Promise.all([app.end(), jobs.end()]);
  await cluster.remove();
}, 60_000);

const noWork: RunJob = () => Promise.reject(new Error("these jobs open no transaction"));

test("every job that was committed is run, though Postgres is killed in the middle", async () => {
  const seen = new Set<number>();
  let half: () => void = () => undefined;
  const halfWay = new Promise<void>((resolve) => {
    half = resolve;
  });
  const handler = handleJob(count, (_, { n }) => {
    seen.add(n);
    if (seen.size >= JOBS_BEFORE_THE_KILL) {
      half();
    }
    return Promise.resolve({ kind: "done" });
  });
  await ensureQueues(jobs, [handler]);
  await inTx(app, [1], async (tx) => {
    const outbox = openOutbox(tx, { reactions: new Map(), workspaceId: 1 });
    for (let n = 0; n < JOBS; n += 1) {
      await outbox.enqueue(count, { n });
    }
  });
  worker = startQueueWorker({
    url: cluster.serviceUrl,
    role: "purser_jobs",
    pool: jobs,
    handlers: [handler],
    runJob: noWork,
    recorder: { started: () => Promise.resolve(), ended: () => Promise.resolve() },
    now: () => systemClock.now(),
    log: pino({ level: "silent" }),
    concurrency: 4,
    pollSeconds: 0.5,
  });
  await halfWay;
  await cluster.kill9();
  await cluster.ready();
  // A job whose completion was cut off stays active until its heartbeat is missed; here that minute is not waited for.
  await expect
    .poll(
      async () => {
        await jobs
          .query(
            "update pgboss.job set state = 'retry' where name = $1 and state = 'active' and heartbeat_on < now() - interval '2 s'",
            [count.name],
          )
          .catch(() => undefined);
        return seen.size;
      },
      { timeout: 30_000, interval: 500 },
    )
    .toBe(JOBS);
  const lost = await jobs.query("select from pgboss.job where name = $1", [count.name]);
  expect(lost.rowCount).toBe(JOBS);
}, 60_000);
