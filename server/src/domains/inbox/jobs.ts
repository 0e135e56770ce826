import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

/** Daily: bodies after 30 days, the ledger against duplicates after 90. */
export const forgetEvents = defineJob({
  name: "inbox.forget_events",
  payload: z.object({}),
  attempts: 3,
});
