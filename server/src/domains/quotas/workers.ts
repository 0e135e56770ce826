import type { Ctx } from "#platform/context.ts";
import type { JobOutcome } from "#platform/queue/jobs.ts";

import { applyReset, forgetOldRequests } from "./commands.ts";
import { beginMonth, forgetRequests } from "./jobs.ts";

/** Handlers of this room's jobs; each runs in one transaction of its workspace. */
export const quotaWorkers = [
  {
    job: beginMonth,
    handle: async (ctx: Ctx): Promise<JobOutcome> => {
      const { reset, alreadyReset } = await applyReset(ctx, { force: false });
      return { kind: "done", note: `${reset} quotas begun, ${alreadyReset} had begun already` };
    },
  },
  {
    job: forgetRequests,
    handle: async (ctx: Ctx): Promise<JobOutcome> => {
      const forgotten = await forgetOldRequests(ctx);
      return { kind: "done", note: `${forgotten} keyed calls forgotten` };
    },
  },
] as const;
