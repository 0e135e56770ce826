import { z } from "zod";

import { defineOperation, instant, pageInput, pageOf } from "#platform/operation/operation.ts";
import { ADMINS, type Role } from "#platform/operation/roles.ts";

const HOUSE_KEEPERS: readonly Role[] = ["owner", "admin", "billing", "support", "auditor"];

const RUN_OUTCOMES = ["running", "done", "snoozed", "discarded", "failed", "dead", "lost"] as const;

const jobRun = z.object({
  id: z.string(),
  job: z.string(),
  startedAt: instant,
  endedAt: instant.nullable(),
  /** `failed` is tried again; `dead` is not; `lost` means that its process died. */
  outcome: z.enum(RUN_OUTCOMES),
  attempt: z.number().int(),
  /** One line: what was done, or the error. */
  note: z.string().nullable(),
});

export const jobsListOperation = defineOperation({
  name: "jobs.list",
  title: "List the scheduled jobs",
  summary: "Each line of the schedule with its last and next run, and how its queue stands.",
  method: "GET",
  path: "/jobs",
  input: z.object({}),
  output: z.object({
    items: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        /** Five fields of cron, in UTC; null for jobs that only run when something asks for them. */
        cron: z.string().nullable(),
        lastRun: jobRun.nullable(),
        nextRunAt: instant.nullable(),
        waiting: z.number().int(),
        active: z.number().int(),
        dead: z.number().int(),
      }),
    ),
  }),
  risk: "read",
  roles: HOUSE_KEEPERS,
  cli: {
    words: "jobs list",
    table: {
      rows: "items",
      columns: [
        "name",
        "cron",
        "lastRun.outcome",
        "lastRun.startedAt",
        "nextRunAt",
        "waiting",
        "dead",
      ],
    },
  },
});

export const jobsRunsOperation = defineOperation({
  name: "jobs.runs",
  title: "List what jobs did",
  summary: "Runs of scheduled jobs and every failure of the others, newest first.",
  method: "GET",
  path: "/jobs/runs",
  input: z.object({
    ...pageInput,
    job: z.string().max(100).optional().describe("Name of a job"),
    outcome: z.enum(RUN_OUTCOMES).optional().describe("Only runs that ended so"),
  }),
  output: pageOf(jobRun),
  risk: "read",
  roles: HOUSE_KEEPERS,
  cli: {
    words: "jobs runs",
    table: { rows: "items", columns: ["job", "startedAt", "outcome", "attempt", "note"] },
  },
});

export const jobsRunOperation = defineOperation({
  name: "jobs.run",
  title: "Run a scheduled job now",
  summary:
    "Puts one run of the job in the queue, beside its schedule. A run that is already waiting is not doubled.",
  method: "POST",
  path: "/jobs/{name}/run",
  input: z.object({ name: z.string().max(100) }),
  output: z.object({ name: z.string(), queued: z.boolean() }),
  risk: "write",
  roles: ADMINS,
  cli: { words: "jobs run", args: ["name"] },
});

export const jobsDeadOperation = defineOperation({
  name: "jobs.dead",
  title: "List the jobs that were given up",
  summary:
    "Jobs whose tries are used up, with their last error. They are kept until someone retries them.",
  method: "GET",
  path: "/jobs/dead",
  input: z.object({ ...pageInput }),
  output: pageOf(
    z.object({
      id: z.string(),
      job: z.string(),
      diedAt: instant,
      createdAt: instant,
      attempts: z.number().int(),
      error: z.string().nullable(),
    }),
  ),
  risk: "read",
  roles: HOUSE_KEEPERS,
  cli: { words: "jobs dead", table: { rows: "items", columns: ["id", "job", "diedAt", "error"] } },
});

export const jobsRetryOperation = defineOperation({
  name: "jobs.retry",
  title: "Retry a job that was given up",
  summary: "Gives a dead job its tries back and puts it in the queue.",
  method: "POST",
  path: "/jobs/dead/{id}/retry",
  input: z.object({ id: z.uuid() }),
  output: z.object({ id: z.string(), job: z.string() }),
  risk: "write",
  roles: ADMINS,
  cli: { words: "jobs retry", args: ["id"] },
});
