import { type QueueHandler, type Schedule, handleJob } from "#platform/queue/handlers.ts";

import { type CleaningDeps, forgetOldSignIns } from "./commands.ts";
import { forgetSignIns } from "./jobs.ts";

export const ACCESS_SCHEDULE: readonly Schedule[] = [
  {
    job: forgetSignIns.name,
    title: "Forget ended sessions, used links and old failed sign-ins",
    cron: "20 3 * * *",
  },
];

export function accessWorkers(deps: CleaningDeps): readonly QueueHandler[] {
  return [
    handleJob(forgetSignIns, async () => {
      const rows = await forgetOldSignIns(deps);
      return { kind: "done", note: `${rows} rows` };
    }),
  ];
}
