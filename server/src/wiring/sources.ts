import type { WebhookSource } from "#domains/inbox/ports.ts";
import { paddleWebhooks } from "#providers/paddle/verify-source.ts";
import { stripeWebhooks } from "#providers/stripe/verify-source.ts";
import { twilioWebhooks } from "#providers/twilio/verify-source.ts";

/** Every provider whose webhooks are understood at the door. */
export const SOURCES: readonly WebhookSource[] = [stripeWebhooks, paddleWebhooks, twilioWebhooks];
