import { z } from "zod";

import { defineEvent } from "#platform/queue/events.ts";

import { TIERS } from "./model.ts";

/**
 * The tier of organizations changed with their subscriptions. Several at once, because a batch of
 * events changes many; a reaction applies each on its own and may see the same one twice.
 */
export const tierChanged = defineEvent({
  name: "billing.tier_changed",
  payload: z.object({
    workspaceId: z.number().int(),
    changes: z.array(
      z.object({
        organizationId: z.string(),
        from: z.enum(TIERS),
        to: z.enum(TIERS),
        /** The event that decided it, or the operation's name. */
        because: z.string(),
      }),
    ),
  }),
});

/** The catalogue changed: the limits of a tier are other ones from now on. */
export const planChanged = defineEvent({
  name: "billing.plan_changed",
  payload: z.object({
    workspaceId: z.number().int(),
    tier: z.enum(TIERS),
    version: z.number().int(),
  }),
});
