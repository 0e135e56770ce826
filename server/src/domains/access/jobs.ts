import { z } from "zod";

import { defineJob } from "#platform/queue/jobs.ts";

export const forgetSignIns = defineJob({
  name: "access.forget_sign_ins",
  payload: z.object({}),
  attempts: 3,
});
