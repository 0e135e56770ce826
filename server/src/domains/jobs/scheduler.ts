import { setTimeout as sleep } from "node:timers/promises";

import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";
import { type Cron, lastDue, parseCron } from "#platform/queue/cron.core.ts";
import type { Schedule } from "#platform/queue/handlers.ts";
import { idFor, insertJobs } from "#platform/queue/outbox.ts";

export interface SchedulerDeps {
  /** Connections of the role purser_worker. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly schedule: readonly Schedule[];
  readonly onError: (error: unknown) => void;
}

interface Line extends Schedule {
  readonly parsed: Cron;
}

function parseSchedule(schedule: readonly Schedule[]): readonly Line[] {
  return schedule.map((line) => {
    const parsed = parseCron(line.cron);
    if (parsed === null) {
      throw new Error(`The schedule of ${line.job} is no cron line: ${line.cron}`);
    }
    return { ...line, parsed };
  });
}

/** Lines as the program has them; a line that is gone is not asked for any more. A new one first runs at its next minute, not at once. */
async function declare(tx: Tx, lines: readonly Line[], now: Date): Promise<void> {
  await tx.client.query(
    `insert into job_schedules (name, title, cron, due_at)
     select name, title, cron, $4 from unnest($1::text[], $2::text[], $3::text[]) as l (name, title, cron) order by name
     on conflict (name) do update set title = excluded.title, cron = excluded.cron
       where (job_schedules.title, job_schedules.cron) is distinct from (excluded.title, excluded.cron)`,
    [lines.map((l) => l.job), lines.map((l) => l.title), lines.map((l) => l.cron), now],
  );
  await tx.client.query("delete from job_schedules where name <> all ($1::text[])", [
    lines.map((line) => line.job),
  ]);
}

async function enqueueDue(tx: Tx, lines: readonly Line[], now: Date): Promise<readonly string[]> {
  const due = lines
    .map((line) => ({ job: line.job, at: lastDue(line.parsed, now) }))
    .filter((line): line is { job: string; at: Date } => line.at !== null);
  // Whoever moves a line's minute forward files its job, in the same transaction: so does exactly one of many schedulers.
  const won = await tx.client.query<{ name: string; due_at: Date }>(
    `update job_schedules s set due_at = d.at
       from unnest($1::text[], $2::timestamptz[]) as d (name, at)
      where s.name = d.name and s.due_at < d.at returning s.name, s.due_at`,
    [due.map((line) => line.job), due.map((line) => line.at)],
  );
  await insertJobs(
    tx,
    won.rows.map((line) => ({
      id: idFor("schedule", line.name, line.due_at.toISOString()),
      name: line.name,
      data: { workspaceId: null, payload: {} },
      // One waiting run is enough, however many minutes were missed.
      key: "scheduled",
    })),
  );
  return won.rows.map((line) => line.name);
}

export interface Scheduler {
  /** Files what has come due since the last tick of any scheduler, once; returns the names. Minutes missed while nothing ran count as one. */
  tick(): Promise<readonly string[]>;
}

/** @throws Error where a line is no cron line */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const lines = parseSchedule(deps.schedule);
  let declared = false;
  return {
    tick: async () => {
      const now = deps.clock.now();
      return inTx(deps.pool, [], async (tx) => {
        if (!declared) {
          await declare(tx, lines, now);
        }
        const names = await enqueueDue(tx, lines, now);
        declared = true;
        return names;
      });
    },
  };
}

export function startScheduler(deps: SchedulerDeps, intervalMs = 5_000): { stop(): Promise<void> } {
  const scheduler = createScheduler(deps);
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await scheduler.tick();
      } catch (error) {
        deps.onError(error);
      }
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
