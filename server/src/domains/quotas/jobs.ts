import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

const ofTheHouse = z.object({});

/** 1st of the month, 00:00 UTC. Late, twice or half-way does no harm: the month is derived from the clock. */
export const beginMonth = defineJob({
  name: "quotas.begin_month",
  payload: ofTheHouse,
  attempts: 10,
});

/** Daily: keyed calls older than a day are forgotten. */
export const forgetRequests = defineJob({
  name: "quotas.forget_requests",
  payload: ofTheHouse,
  attempts: 3,
});
