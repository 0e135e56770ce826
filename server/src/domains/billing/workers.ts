import type { Clock } from "#platform/clock.ts";
import { addMs } from "#platform/clock.ts";
import { type QueueHandler, handleJob } from "#platform/queue/handlers.ts";

import { applyFetched } from "./fetched.commands.ts";
import { refetchObject, settleIntent } from "./jobs.ts";
import type { ProviderOf } from "./ports.ts";
import { settleUnknownIntent } from "./provider.commands.ts";
import { knownThrough } from "./standing.queries.ts";

export interface BillingWorkerDeps {
  readonly providerOf: ProviderOf;
  readonly clock: Clock;
}

/** The jobs of this room with the code that does them. */
export function billingWorkers({ providerOf, clock }: BillingWorkerDeps): QueueHandler[] {
  return [
    handleJob(refetchObject, async (unit, { workspaceId, kind, id, atLeastSeconds }) => {
      // A later question found this one waiting and was dropped: the answer must be good for it too.
      const known = await unit.runIn(workspaceId, ({ tx }) =>
        knownThrough(tx, { workspaceId, kind, id }),
      );
      const answer = await providerOf(workspaceId).fetch(kind, id);
      switch (answer.kind) {
        case "done": {
          const { value } = answer;
          if (value === null) {
            return { kind: "discard", reason: `The provider does not know ${id}.` };
          }
          await unit.runIn(workspaceId, (ctx) =>
            applyFetched(ctx, value, {
              atLeastSeconds: Math.max(atLeastSeconds, known),
              answeredAtSeconds: answer.answeredAtSeconds,
            }),
          );
          return { kind: "done" };
        }
        case "unavailable":
          return { kind: "snooze", until: addMs(clock.now(), answer.retryAfterMs) };
        case "refused":
          return { kind: "discard", reason: answer.message };
        case "unknown":
          throw new Error(answer.message);
      }
    }),
    handleJob(settleIntent, async (unit, { workspaceId, intentId }) => {
      const settled = await settleUnknownIntent(
        (work) => unit.runIn(workspaceId, work),
        providerOf(workspaceId),
        intentId,
      );
      return typeof settled === "string"
        ? { kind: "done", note: settled }
        : { kind: "snooze", until: addMs(clock.now(), settled.retryAfterMs) };
    }),
  ];
}
