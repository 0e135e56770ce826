import { z } from "zod";

import { defineEvent } from "#platform/queue/events.ts";

/** Messaging sends the mail: this floor may not call it. The link is a secret until it is used or an hour old. */
export const passwordResetRequested = defineEvent({
  name: "access.password_reset_requested",
  payload: z.object({ staffId: z.string(), email: z.email(), url: z.url() }),
});
