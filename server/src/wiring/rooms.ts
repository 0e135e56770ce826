import { accessOperations } from "#domains/access/operations.ts";
import { ACCESS_SCHEDULE, accessWorkers } from "#domains/access/workers.ts";
import { openAnchorFiles } from "#domains/audit/anchors.ts";
import { openSealVerifier } from "#domains/audit/keys.ts";
import { auditOperations } from "#domains/audit/operations.ts";
import { AUDIT_SCHEDULE, auditWorkers } from "#domains/audit/workers.ts";
import { BILLING_CHECKS } from "#domains/billing/checks.ts";
import { billingOperations } from "#domains/billing/operations.ts";
import { billingWorkers } from "#domains/billing/workers.ts";
import { inboxOperations } from "#domains/inbox/operations.ts";
import { INBOX_SCHEDULE, inboxWorkers } from "#domains/inbox/workers.ts";
import { jobsOperations } from "#domains/jobs/operations.ts";
import { JOBS_SCHEDULE, jobsWorkers } from "#domains/jobs/workers.ts";
import { QUOTA_CHECKS } from "#domains/quotas/checks.ts";
import { quotaOperations } from "#domains/quotas/operations.ts";
import { quotaReactions } from "#domains/quotas/reactions.ts";
import { QUOTA_SCHEDULE, quotaWorkers } from "#domains/quotas/workers.ts";
import { WATCH_SCHEDULE, watchWorkers } from "#domains/watch/integrity.ts";
import { watchOperations } from "#domains/watch/operations.ts";
import type { BoundOperation } from "#platform/operation/bound.ts";
import type { QueueHandler, Reaction, Schedule } from "#platform/queue/handlers.ts";
import { type ReactionTable, reactionTable } from "#platform/queue/outbox.ts";

import { auditFolders } from "./audit-folders.ts";
import { providersOf } from "./billing.ts";
import type { House } from "./house.ts";

/** Who reacts to what. */
export const REACTIONS: readonly Reaction[] = [...quotaReactions];
export const REACTION_TABLE: ReactionTable = reactionTable(REACTIONS);

/** Every line of cron, in UTC, in one place. */
export const SCHEDULE: readonly Schedule[] = [
  ...ACCESS_SCHEDULE,
  ...AUDIT_SCHEDULE,
  ...JOBS_SCHEDULE,
  ...INBOX_SCHEDULE,
  ...QUOTA_SCHEDULE,
  ...WATCH_SCHEDULE,
];

/** What every room promises about its own rows. */
const CHECKS = [...BILLING_CHECKS, ...QUOTA_CHECKS];

/** Who works off which job. */
export function handlersOf(house: House): readonly QueueHandler[] {
  const workspaceIds = async (): Promise<readonly number[]> =>
    (await house.workspaces.all()).map((workspace) => workspace.id);
  const { clock } = house;
  const folders = auditFolders(house.config);
  return [
    ...accessWorkers({ authPool: house.pool("purser_auth"), clock }),
    ...auditWorkers({
      workspaceIds,
      verifier: openSealVerifier(folders.keys),
      anchors: openAnchorFiles(folders.anchors, clock),
    }),
    ...jobsWorkers({ pool: house.pool("purser_worker"), clock }),
    ...inboxWorkers({ pool: house.pool("purser_jobs"), clock }),
    ...billingWorkers({ providerOf: providersOf(house), clock }),
    ...quotaWorkers({ workspaceIds }),
    ...watchWorkers({ workspaceIds, checks: CHECKS }),
  ];
}

export interface RoomDeps {
  readonly access: Parameters<typeof accessOperations>[0];
  readonly audit: Parameters<typeof auditOperations>[0];
  readonly inbox: Parameters<typeof inboxOperations>[0];
  readonly billing: Parameters<typeof billingOperations>[0];
  readonly quotas: Parameters<typeof quotaOperations>[0];
  readonly watch: Parameters<typeof watchOperations>[0];
}

/** All that can be asked of the house, in the order of the floors. */
export function boundOperations(deps: RoomDeps): readonly BoundOperation[] {
  return [
    ...accessOperations(deps.access),
    ...auditOperations(deps.audit),
    ...jobsOperations(),
    ...inboxOperations(deps.inbox),
    ...billingOperations(deps.billing),
    ...quotaOperations(deps.quotas),
    ...watchOperations(deps.watch),
  ];
}
