import { type BoundOperation, command, query } from "#platform/operation/bound.ts";
import { Problem } from "#platform/problem.ts";
import { idFor, insertJobs } from "#platform/queue/outbox.ts";

import {
  jobsDeadOperation,
  jobsListOperation,
  jobsRetryOperation,
  jobsRunOperation,
  jobsRunsOperation,
} from "./contract.ts";
import { notDead, unknownJob } from "./problems.ts";
import { listDead, listJobs, listRuns } from "./queries.ts";

export function jobsOperations(): readonly BoundOperation[] {
  return [
    query(jobsListOperation, (ctx) => listJobs(ctx.tx, ctx.now)),
    query(jobsRunsOperation, (ctx, input) => listRuns(ctx.tx, input)),
    query(jobsDeadOperation, (ctx, input) => listDead(ctx.tx, input)),
    command(jobsRunOperation, {
      decide: async (ctx, input) => {
        const found = await ctx.tx.client.query("select from job_schedules where name = $1", [
          input.name,
        ]);
        if (found.rowCount === 0) {
          throw new Problem(unknownJob, "See `purser jobs list`.");
        }
        return {
          preview: { summary: `Run ${input.name} now`, changes: [], rows: 1 },
          decision: null,
        };
      },
      apply: async (ctx, input) => {
        const made = await insertJobs(ctx.tx, [
          {
            id: idFor("run", input.name, ctx.requestId),
            name: input.name,
            data: { workspaceId: null, payload: {} },
            key: "scheduled",
          },
        ]);
        await ctx.audit({
          action: "job.run_requested",
          subject: { kind: "job", id: input.name },
          detail: { queued: made === 1 },
        });
        return { name: input.name, queued: made === 1 };
      },
    }),
    command(jobsRetryOperation, {
      decide: async (ctx, input) => {
        const found = await ctx.tx.client.query<{ job: string }>(
          "select job from purser_jobs_dead() where id = $1",
          [input.id],
        );
        const job = found.rows[0]?.job;
        if (job === undefined) {
          throw new Problem(notDead, "See `purser jobs dead`.");
        }
        return { preview: { summary: `Retry ${job}`, changes: [], rows: 1 }, decision: job };
      },
      apply: async (ctx, input, job) => {
        const done = await ctx.tx.client.query<{ job: string | null }>(
          "select purser_jobs_retry($1) as job",
          [input.id],
        );
        if (typeof done.rows[0]?.job !== "string") {
          throw new Problem(notDead, "Somebody retried it a moment ago.");
        }
        await ctx.audit({ action: "job.retried", subject: { kind: "job", id: job } });
        return { id: input.id, job };
      },
    }),
  ];
}
