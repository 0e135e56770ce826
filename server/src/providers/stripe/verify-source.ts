import type { WebhookSource } from "#domains/inbox/ports.ts";

import { labelStripe } from "./label.core.ts";
import { verifyStripe } from "./verify.core.ts";

export const stripeWebhooks: WebhookSource = {
  provider: "stripe",
  contentTypes: ["application/json"],
  verify: verifyStripe,
  label: labelStripe,
};
