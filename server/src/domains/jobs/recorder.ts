import type { Pool } from "pg";

import { inTx } from "#platform/db/tx.ts";
import type { RunRecorder, RunReport } from "#platform/queue/boss.ts";

const MOST_NOTE = 500;

/**
 * Keeps a row of every run of a scheduled job and of every failure of the others: two writes for each
 * of thousands of good runs would cost more than the runs.
 *
 * @param pool connections of the role purser_worker
 */
export function runRecorder(
  pool: Pool,
  scheduled: ReadonlySet<string>,
  now: () => Date,
): RunRecorder {
  const write = (report: Pick<RunReport, "workspaceId">, sql: string, values: unknown[]) =>
    inTx(pool, report.workspaceId === null ? [] : [report.workspaceId], (tx) =>
      tx.client.query(sql, values),
    );
  return {
    started: async (report) => {
      if (!scheduled.has(report.job)) {
        return;
      }
      // A row that still runs while the same job starts again belonged to a process that died.
      await write(
        report,
        `with lost as (update job_runs set outcome = 'lost', ended_at = $5 where job_id = $3 and outcome = 'running')
         insert into job_runs (workspace_id, job, job_id, attempt, started_at, outcome) values ($1, $2, $3, $4, $5, 'running')`,
        [report.workspaceId, report.job, report.jobId, report.attempt, report.startedAt],
      );
    },
    ended: async (report) => {
      const bad = report.outcome === "failed" || report.outcome === "dead";
      const note = report.note?.slice(0, MOST_NOTE) ?? null;
      if (scheduled.has(report.job)) {
        await write(
          report,
          "update job_runs set outcome = $2, note = $3, ended_at = $4 where job_id = $1 and outcome = 'running'",
          [report.jobId, report.outcome, note, now()],
        );
      } else if (bad) {
        await write(
          report,
          `insert into job_runs (workspace_id, job, job_id, attempt, started_at, ended_at, outcome, note)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [
            report.workspaceId,
            report.job,
            report.jobId,
            report.attempt,
            report.startedAt,
            now(),
            report.outcome,
            note,
          ],
        );
      }
    },
  };
}
