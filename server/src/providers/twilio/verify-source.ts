import type { WebhookSource } from "#domains/inbox/ports.ts";

import { labelTwilio } from "./label.core.ts";
import { verifyTwilio } from "./verify.core.ts";

export const twilioWebhooks: WebhookSource = {
  provider: "twilio",
  contentTypes: ["application/x-www-form-urlencoded", "application/json"],
  verify: verifyTwilio,
  label: labelTwilio,
};
