import { planChanged } from "#domains/billing/events.ts";
import { type Reaction, react } from "#platform/queue/handlers.ts";

import { followPlanChange } from "./commands.ts";

export const quotaReactions: readonly Reaction[] = [react(planChanged, "quotas", followPlanChange)];
