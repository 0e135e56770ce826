import { quotaFigures } from "#domains/quotas/queries.ts";
import { type BoundOperation, query } from "#platform/operation/bound.ts";

import {
  healthMetrics,
  paymentMetrics,
  showHealth,
  showToday,
  summaryMetrics,
  webhookMetrics,
} from "./contract.ts";
import { type HealthRoom, health } from "./health.ts";
import type { WatchSources } from "./ports.ts";
import { paymentFigures, recordFigures, webhookFigures } from "./queries.ts";
import { secondsSince, stateOfThings } from "./today.core.ts";
import { today } from "./today.ts";

export interface WatchDeps {
  readonly sources: WatchSources;
  readonly health: HealthRoom;
}

const DAY_MINUTES = 1_440;

export function watchOperations(deps: WatchDeps): BoundOperation[] {
  return [
    query(showToday, (ctx) => today(ctx, deps.sources)),
    query(showHealth, () => health(deps.health)),
    query(healthMetrics, async () => ({ data: await health(deps.health) })),
    query(webhookMetrics, async (ctx, input) => ({
      data: await webhookFigures(ctx, input.window),
    })),
    query(paymentMetrics, async (ctx, input) => ({
      data: await paymentFigures(ctx, input.window),
    })),
    query(summaryMetrics, async (ctx) => {
      const figures = await deps.sources.figures(ctx, DAY_MINUTES);
      const { organizations, subscriptions } = await recordFigures(ctx);
      const state = stateOfThings(figures, ctx.now);
      const oldest = figures.lanes
        .flatMap((lane) => lane.oldestReceivedAt ?? [])
        .toSorted((left, right) => left.getTime() - right.getTime())[0];
      return {
        data: {
          organizations,
          subscriptions,
          webhooks: {
            pending: figures.lanes.reduce((sum, lane) => sum + lane.waiting + lane.parked, 0),
            oldestAgeSeconds: oldest === undefined ? null : secondsSince(oldest, ctx.now),
            failed: figures.failures.quarantined + figures.failures.dead,
          },
          quotas: await quotaFigures(ctx),
          state: { level: state.level, sentence: state.sentence },
        },
      };
    }),
  ];
}
