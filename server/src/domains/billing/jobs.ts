import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

import { OBJECT_KINDS } from "./model.ts";

/** Ask the provider for one object and apply its answer: what two events of one second, or a shape that we cannot read, leave open. */
export const refetchObject = defineJob({
  name: "billing.refetch_object",
  payload: z.object({
    workspaceId: z.number().int(),
    kind: z.enum(OBJECT_KINDS),
    id: z.string(),
    /** The provider's time of the newest thing that we were told of the object: the answer is at least that new. */
    atLeastSeconds: z.number().int(),
    reason: z.string(),
  }),
  attempts: 12,
});

/** An intent whose outcome is not known is looked up at the provider, never sent again blindly. */
export const settleIntent = defineJob({
  name: "billing.settle_intent",
  payload: z.object({ workspaceId: z.number().int(), intentId: z.string() }),
  attempts: 20,
});
