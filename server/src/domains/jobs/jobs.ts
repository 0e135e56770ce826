import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

export const forgetRuns = defineJob({
  name: "jobs.forget_runs",
  payload: z.object({}),
  attempts: 3,
});
