import type { Tx } from "#platform/db/tx.ts";
import { nextRun, parseCron } from "#platform/queue/cron.core.ts";

interface RunRow {
  readonly id: number;
  readonly job: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: "running" | "done" | "snoozed" | "discarded" | "failed" | "dead" | "lost";
  readonly attempt: number;
  readonly note: string | null;
}

const RUN = `id, job, started_at as "startedAt", ended_at as "endedAt", outcome, attempt, note`;

function toRun(row: RunRow) {
  return {
    ...row,
    id: String(row.id),
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

interface QueueRow {
  readonly name: string;
  readonly waiting: number;
  readonly active: number;
  readonly dead: number;
}

interface ScheduleRow {
  readonly name: string;
  readonly title: string;
  readonly cron: string;
}

/** Schedule lines first, then the other queues that hold something or have given something up. */
export async function listJobs(tx: Tx, now: Date) {
  const schedules = await tx.client.query<ScheduleRow>(
    "select name, title, cron from job_schedules order by name",
  );
  const queues = await tx.client.query<QueueRow>("select * from purser_job_queues() order by name");
  const runs = await tx.client.query<RunRow>(
    `select r.* from job_schedules s
      cross join lateral (select ${RUN} from job_runs where job = s.name order by id desc limit 1) r`,
  );
  const queueOf = new Map(queues.rows.map((queue) => [queue.name, queue]));
  const runOf = new Map(runs.rows.map((run) => [run.job, run]));
  const scheduled = schedules.rows.map((line) => {
    const cron = parseCron(line.cron);
    const queue = queueOf.get(line.name);
    const run = runOf.get(line.name);
    queueOf.delete(line.name);
    return {
      name: line.name,
      title: line.title,
      cron: line.cron,
      lastRun: run === undefined ? null : toRun(run),
      nextRunAt: cron === null ? null : (nextRun(cron, now)?.toISOString() ?? null),
      waiting: queue?.waiting ?? 0,
      active: queue?.active ?? 0,
      dead: queue?.dead ?? 0,
    };
  });
  const others = Array.from(queueOf.values())
    .filter((queue) => queue.waiting + queue.active + queue.dead > 0)
    .map(({ name, waiting, active, dead }) => ({
      name,
      title: name,
      cron: null,
      lastRun: null,
      nextRunAt: null,
      waiting,
      active,
      dead,
    }));
  return { items: [...scheduled, ...others] };
}

export async function listRuns(
  tx: Tx,
  filter: {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly job?: string | undefined;
    readonly outcome?: string | undefined;
  },
) {
  const found = await tx.client.query<RunRow>(
    `select ${RUN} from job_runs
      where ($1::bigint is null or id < $1) and ($2::text is null or job = $2) and ($3::text is null or outcome = $3)
      order by id desc limit $4`,
    [filter.cursor ?? null, filter.job ?? null, filter.outcome ?? null, filter.limit + 1],
  );
  const page = found.rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    items: page.map(toRun),
    nextCursor: found.rows.length > filter.limit && last !== undefined ? String(last.id) : null,
  };
}

interface DeadRow {
  readonly id: string;
  readonly job: string;
  readonly diedAt: Date;
  readonly createdAt: Date | null;
  readonly attempts: number;
  readonly error: string | null;
}

/** The cursor is `<instant>|<id>` of the last row. */
export async function listDead(
  tx: Tx,
  filter: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const [before = null, id = null] = filter.cursor?.split("|") ?? [];
  const found = await tx.client.query<DeadRow & { readonly exact: string }>(
    `select id, job, died_at as "diedAt", created_at as "createdAt", attempts, error, died_at::text as exact
       from purser_jobs_dead()
      where $1::timestamptz is null or (died_at, id) < ($1, $2::uuid)
      order by died_at desc, id desc limit $3`,
    [before, id, filter.limit + 1],
  );
  const page = found.rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    items: page.map((row) => ({
      id: row.id,
      job: row.job,
      diedAt: row.diedAt.toISOString(),
      createdAt: (row.createdAt ?? row.diedAt).toISOString(),
      attempts: row.attempts,
      error: row.error,
    })),
    nextCursor:
      found.rows.length > filter.limit && last !== undefined ? `${last.exact}|${last.id}` : null,
  };
}
