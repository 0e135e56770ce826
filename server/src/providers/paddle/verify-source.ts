import type { WebhookSource } from "#domains/inbox/ports.ts";

import { labelPaddle } from "./label.core.ts";
import { verifyPaddle } from "./verify.core.ts";

export const paddleWebhooks: WebhookSource = {
  provider: "paddle",
  contentTypes: ["application/json"],
  verify: verifyPaddle,
  label: labelPaddle,
};
