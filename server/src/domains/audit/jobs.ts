import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

/** One try: a log that is not intact does not mend itself, and the dead job is the alarm. */
export const verifyRecent = defineJob({
  name: "audit.verify_recent",
  payload: z.object({}),
  attempts: 1,
});
export const verifyWhole = defineJob({
  name: "audit.verify_whole",
  payload: z.object({}),
  attempts: 1,
});
