import {
  type JobUnit,
  type QueueHandler,
  type Schedule,
  handleJob,
} from "#platform/queue/handlers.ts";
import type { JobOutcome } from "#platform/queue/jobs.ts";

import { verifyRecent, verifyWhole } from "./jobs.ts";
import { headOf } from "./queries.ts";
import { type VerifyDeps, verifyLog } from "./verification.ts";

export const AUDIT_SCHEDULE: readonly Schedule[] = [
  { job: verifyRecent.name, title: "Verify the newest part of the audit log", cron: "10 * * * *" },
  { job: verifyWhole.name, title: "Verify the whole audit log", cron: "40 3 * * *" },
];

/** Seals of a busy hour; the whole chain has its turn at night. */
const RECENT_SEALS = 4_000;

export interface AuditWorkerDeps extends VerifyDeps {
  readonly workspaceIds: () => Promise<readonly number[]>;
}

async function verifyAll(
  deps: AuditWorkerDeps,
  unit: JobUnit,
  recent: boolean,
): Promise<JobOutcome> {
  let entries = 0;
  const broken: string[] = [];
  for (const workspaceId of await deps.workspaceIds()) {
    const result = await unit.runIn(workspaceId, async (ctx) => {
      const head = await headOf(ctx.tx, workspaceId);
      const from = recent ? Math.max(1, head - RECENT_SEALS) : 1;
      return verifyLog(ctx.tx, { workspaceId, from, now: ctx.now }, deps);
    });
    entries += result.entries;
    const [first] = result.findings;
    if (first !== undefined) {
      broken.push(`workspace ${workspaceId}: ${first.what} (${result.findings.length} findings)`);
    }
  }
  if (broken.length > 0) {
    throw new Error(`The audit log is not intact. ${broken.join("; ")}`);
  }
  return { kind: "done", note: `${entries} lines intact` };
}

export function auditWorkers(deps: AuditWorkerDeps): readonly QueueHandler[] {
  return [
    handleJob(verifyRecent, (unit) => verifyAll(deps, unit, true)),
    handleJob(verifyWhole, (unit) => verifyAll(deps, unit, false)),
  ];
}
