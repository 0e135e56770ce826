import { setTimeout as sleep } from "node:timers/promises";

import type { Pool } from "pg";
import { type JobWithMetadata, PgBoss } from "pg-boss";

import { inTx } from "#platform/db/tx.ts";
import type { Log } from "#platform/log.ts";
import { assertNever } from "#platform/problem.ts";

import type { JobUnit, QueueHandler, RunJob } from "./handlers.ts";
import type { JobOutcome } from "./jobs.ts";
import { type Envelope, idFor, insertJobs } from "./outbox.ts";

/** Jobs whose tries are used up end here and stay for a year, or until someone retries them. */
export const DEAD_QUEUE = "dead";

const SECOND_MS = 1_000;
const RETRY_DELAY_SECONDS = 5;
const RETRY_DELAY_MAX_SECONDS = 3_600;
const HEARTBEAT_SECONDS = 60;
const EXPIRE_SECONDS = 15 * 60;
const KEEP_DONE_SECONDS = 7 * 24 * 3_600;
const KEEP_WAITING_SECONDS = 365 * 24 * 3_600;
const START_BACKOFF_MAX_MS = 30_000;

type QueueDeclaration = Pick<QueueHandler, "queue" | "attempts">;

/**
 * Makes every queue known before anything is enqueued, in every process that enqueues. `policy: short`
 * is what keeps at most one waiting job per key.
 *
 * @param pool connections of the role purser_jobs
 */
export async function ensureQueues(pool: Pool, queues: readonly QueueDeclaration[]): Promise<void> {
  const common = {
    retentionSeconds: KEEP_WAITING_SECONDS,
    deleteAfterSeconds: KEEP_DONE_SECONDS,
    expireInSeconds: EXPIRE_SECONDS,
  };
  const options = [
    { name: DEAD_QUEUE, policy: "standard", retryLimit: 0, ...common },
    ...queues.map((each) => ({
      name: each.queue,
      policy: "short",
      retryLimit: each.attempts - 1,
      retryDelay: RETRY_DELAY_SECONDS,
      retryBackoff: true,
      retryDelayMax: RETRY_DELAY_MAX_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      deadLetter: DEAD_QUEUE,
      ...common,
    })),
  ];
  await inTx(pool, [], async (tx) => {
    // The second statement brings queues of an earlier version up to today's declaration.
    await tx.client.query(
      "select pgboss.create_queue(o ->> 'name', o) from jsonb_array_elements($1::jsonb) with ordinality as l (o, place) order by place",
      [JSON.stringify(options)],
    );
    await tx.client.query(
      `update pgboss.queue q set retry_limit = (o ->> 'retryLimit')::int, updated_on = pgboss.job_now()
         from jsonb_array_elements($1::jsonb) o
        where q.name = o ->> 'name' and q.retry_limit <> (o ->> 'retryLimit')::int`,
      [JSON.stringify(options)],
    );
  });
}

/** What a try came to, for whoever keeps the record of runs. */
export interface RunReport {
  readonly job: string;
  readonly jobId: string;
  readonly workspaceId: number | null;
  readonly attempt: number;
  readonly startedAt: Date;
  /** `failed` will be tried again, `dead` will not. */
  readonly outcome: "done" | "snoozed" | "discarded" | "failed" | "dead";
  readonly note: string | null;
}

export interface RunRecorder {
  started(report: Omit<RunReport, "outcome" | "note">): Promise<void>;
  ended(report: RunReport): Promise<void>;
}

export interface QueueWorkerOptions {
  readonly url: string;
  /** null in the single-role fallback. */
  readonly role: "purser_jobs" | null;
  /** Connections of the same role, for snoozing and the queues' declarations. */
  readonly pool: Pool;
  readonly handlers: readonly QueueHandler[];
  readonly runJob: RunJob;
  readonly recorder: RunRecorder;
  readonly now: () => Date;
  readonly log: Log;
  readonly concurrency?: number;
  readonly pollSeconds?: number;
}

export interface QueueWorker {
  /** Resolves once the first connection stands and every queue is being worked off. */
  readonly ready: Promise<void>;
  /** Waits for the jobs in hand, up to `timeoutMs`; what is not done by then is tried again elsewhere. */
  stop(timeoutMs?: number): Promise<void>;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function openBoss(options: QueueWorkerOptions): PgBoss {
  const settings = ["-c timezone=UTC", "-c statement_timeout=30000"];
  const boss = new PgBoss({
    connectionString: options.url,
    application_name: "purser jobs",
    options: [...(options.role === null ? [] : [`-c role=${options.role}`]), ...settings].join(" "),
    schema: "pgboss",
    max: 4,
    // Our migrations own the schema; our schedule table replaces its cron.
    migrate: false,
    createSchema: false,
    schedule: false,
    supervise: true,
    superviseIntervalSeconds: 30,
    reindex: false,
  });
  // Unheard, an 'error' of a lost connection would end the process; pg-boss goes on by itself.
  boss.on("error", (error) => {
    options.log.warn({ err: error }, "job queue");
  });
  return boss;
}

function unitOf(job: JobWithMetadata<Envelope>, options: QueueWorkerOptions): JobUnit {
  const { workspaceId } = job.data;
  const runIn: JobUnit["runIn"] = (id, work) =>
    options.runJob({ name: job.name, id: job.id, workspaceId: id }, work);
  return {
    job: job.name,
    jobId: job.id,
    attempt: job.retryCount + 1,
    workspaceId,
    signal: job.signal,
    runIn,
    run: (work) => {
      if (workspaceId === null) {
        throw new Error(`${job.name} belongs to no workspace; it goes through them with runIn.`);
      }
      return runIn(workspaceId, work);
    },
  };
}

async function settle(
  job: JobWithMetadata<Envelope>,
  outcome: JobOutcome,
  options: QueueWorkerOptions,
): Promise<Pick<RunReport, "outcome" | "note">> {
  switch (outcome.kind) {
    case "done":
      return { outcome: "done", note: outcome.note ?? null };
    case "discard":
      return { outcome: "discarded", note: outcome.reason };
    case "snooze": {
      // Its own id, made from this one: a crash between here and the completion wakes it once all the same.
      const again = {
        id: idFor("snooze", job.id, outcome.until.toISOString()),
        name: job.name,
        data: job.data,
        run_at: outcome.until.toISOString(),
        ...(job.singletonKey === null || job.singletonKey === job.id
          ? {}
          : { key: job.singletonKey }),
      };
      await inTx(options.pool, [], (tx) => insertJobs(tx, [again]));
      return { outcome: "snoozed", note: `until ${again.run_at}` };
    }
    default:
      return assertNever(outcome);
  }
}

async function tryOnce(
  job: JobWithMetadata<Envelope>,
  handler: QueueHandler,
  options: QueueWorkerOptions,
): Promise<void> {
  const unit = unitOf(job, options);
  const base = {
    job: job.name,
    jobId: job.id,
    workspaceId: unit.workspaceId,
    attempt: unit.attempt,
    startedAt: options.now(),
  };
  await options.recorder.started(base);
  try {
    const outcome = await handler.handle(unit, job.data.payload);
    await options.recorder.ended({ ...base, ...(await settle(job, outcome, options)) });
  } catch (error) {
    const outcome = job.retryCount >= job.retryLimit ? "dead" : "failed";
    options.log.warn({ err: error, job: job.name, jobId: job.id, attempt: unit.attempt }, outcome);
    await options.recorder
      .ended({ ...base, outcome, note: messageOf(error) })
      .catch((failure: unknown) => {
        options.log.warn({ err: failure, job: job.name }, "run not recorded");
      });
    throw error;
  }
}

async function workOffAll(boss: PgBoss, options: QueueWorkerOptions): Promise<void> {
  for (const handler of options.handlers) {
    await boss.work(
      handler.queue,
      {
        includeMetadata: true,
        batchSize: 1,
        localConcurrency: options.concurrency ?? 2,
        pollingIntervalSeconds: options.pollSeconds ?? 1,
      },
      async (jobs: JobWithMetadata<Envelope>[]) => {
        for (const job of jobs) {
          await tryOnce(job, handler, options);
        }
      },
    );
  }
}

/**
 * Works the queues off with pg-boss. A database that is not there yet, or goes away, is waited for
 * with growing pauses; jobs that a dead process held are tried again after its heartbeat has stopped.
 */
export function startQueueWorker(options: QueueWorkerOptions): QueueWorker {
  const boss = openBoss(options);
  const stopping = new AbortController();
  const begin = async (): Promise<void> => {
    for (let waitMs = SECOND_MS / 4; !stopping.signal.aborted;) {
      try {
        await ensureQueues(options.pool, options.handlers);
        await boss.start();
        await workOffAll(boss, options);
        return;
      } catch (error) {
        options.log.warn({ err: error, waitMs }, "job queue is not to be had yet");
        await boss.stop({ graceful: false }).catch(() => undefined);
        await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
        waitMs = Math.min(waitMs * 2, START_BACKOFF_MAX_MS);
      }
    }
  };
  const ready = begin();
  return {
    ready,
    stop: async (timeoutMs = 20_000) => {
      stopping.abort();
      await ready.catch(() => undefined);
      await boss.stop({ graceful: true, timeout: timeoutMs, close: true });
    },
  };
}
