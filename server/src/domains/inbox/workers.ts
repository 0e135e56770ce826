import { type QueueHandler, type Schedule, handleJob } from "#platform/queue/handlers.ts";

import { forgetEvents } from "./jobs.ts";
import { sweepInbox } from "./retention.ts";

export const INBOX_SCHEDULE: readonly Schedule[] = [
  { job: forgetEvents.name, title: "Forget webhooks past their time", cron: "15 3 * * *" },
];

/** @param deps.pool connections of the role purser_jobs */
export function inboxWorkers(deps: Parameters<typeof sweepInbox>[0]): readonly QueueHandler[] {
  return [
    handleJob(forgetEvents, async () => {
      const { segments, events, others } = await sweepInbox(deps);
      return { kind: "done", note: `${segments} bodies, ${events} events, ${others} notes` };
    }),
  ];
}
