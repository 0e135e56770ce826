import { type QueueHandler, type Schedule, handleJob } from "#platform/queue/handlers.ts";

import { applyReset, forgetOldRequests } from "./commands.ts";
import { beginMonth, forgetRequests } from "./jobs.ts";

/** One transaction a workspace: a run that dies half-way leaves whole workspaces done, and the next try finds nothing due in them. */
export function quotaWorkers(deps: {
  readonly workspaceIds: () => Promise<readonly number[]>;
}): readonly QueueHandler[] {
  return [
    handleJob(beginMonth, async (unit) => {
      let begun = 0;
      for (const workspaceId of await deps.workspaceIds()) {
        const result = await unit.runIn(workspaceId, (ctx) => applyReset(ctx, { force: false }));
        begun += result.reset;
      }
      return { kind: "done", note: `${begun} quotas began their month` };
    }),
    handleJob(forgetRequests, async (unit) => {
      let forgotten = 0;
      for (const workspaceId of await deps.workspaceIds()) {
        forgotten += await unit.runIn(workspaceId, forgetOldRequests);
      }
      return { kind: "done", note: `${forgotten} keyed calls forgotten` };
    }),
  ];
}

export const QUOTA_SCHEDULE: readonly Schedule[] = [
  { job: beginMonth.name, title: "Begin the month of API calls", cron: "0 0 1 * *" },
  { job: forgetRequests.name, title: "Forget old idempotency keys", cron: "30 3 * * *" },
];
