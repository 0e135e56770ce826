import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

/** Hourly: every room's promises about its own rows, asked of the rows. */
export const checkRecord = defineJob({
  name: "watch.check_record",
  payload: z.object({}),
  attempts: 3,
});
