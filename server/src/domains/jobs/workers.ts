import type { Pool } from "pg";

import { addHours, type Clock } from "#platform/clock.ts";
import { type QueueHandler, type Schedule, handleJob } from "#platform/queue/handlers.ts";

import { deleteRunsBefore } from "./commands.ts";
import { forgetRuns } from "./jobs.ts";

const KEEP_HOURS = 90 * 24;

export const JOBS_SCHEDULE: readonly Schedule[] = [
  { job: forgetRuns.name, title: "Forget runs of more than 90 days ago", cron: "30 3 * * *" },
];

/** @param deps.pool connections of the role purser_worker */
export function jobsWorkers(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
}): readonly QueueHandler[] {
  return [
    handleJob(forgetRuns, async () => {
      const rows = await deleteRunsBefore(deps.pool, addHours(deps.clock.now(), -KEEP_HOURS));
      return { kind: "done", note: `${rows} runs` };
    }),
  ];
}
