import { openAnchorFiles } from "#domains/audit/anchors.ts";
import { openSealKey } from "#domains/audit/keys.ts";
import { startSealer } from "#domains/audit/sealer.ts";
import { runRecorder } from "#domains/jobs/recorder.ts";
import { startScheduler } from "#domains/jobs/scheduler.ts";
import { startInboxWorker } from "#interfaces/worker/inbox-worker.ts";
import type { Config } from "#platform/config/env.ts";
import { startQueueWorker } from "#platform/queue/boss.ts";
import { stripeProjector } from "#providers/stripe/projector.ts";

import { auditFolders } from "./audit-folders.ts";
import type { Database } from "./database.ts";
import { type House, openHouse } from "./house.ts";
import { REACTIONS, REACTION_TABLE, SCHEDULE, handlersOf } from "./rooms.ts";

const PATIENCE_MS = 10_000;

/** A worker: the inbox, the jobs, the schedule and the sealing of the audit log. Any number of these may run. */
export async function work(config: Config, database: Database): Promise<{ stop(): Promise<void> }> {
  const house = openHouse(config, database, { process: "worker", reactions: REACTION_TABLE });
  const handlers = [...REACTIONS, ...handlersOf(house)];
  const inbox = startInboxWorker({
    workerId: house.nodeId,
    pool: house.pool("purser_worker"),
    clock: house.clock,
    log: house.log,
    projectors: [stripeProjector],
    batchCtx: house.batch,
  });
  const jobs = startQueueWorker({
    url: database.serviceUrl,
    role: house.roleOf("purser_jobs") === null ? null : "purser_jobs",
    pool: house.pool("purser_jobs"),
    handlers,
    runJob: house.runJob,
    recorder: runRecorder(
      house.pool("purser_worker"),
      new Set(SCHEDULE.map((line) => line.job)),
      () => house.clock.now(),
    ),
    now: () => house.clock.now(),
    log: house.log,
  });
  const scheduler = startScheduler({
    pool: house.pool("purser_worker"),
    clock: house.clock,
    schedule: SCHEDULE,
    onError: complain(house, "the scheduler"),
  });
  const sealer = sealerOf(house);
  return {
    stop: async () => {
      await scheduler.stop();
      await Promise.all([inbox.stop(PATIENCE_MS), jobs.stop(PATIENCE_MS), sealer.stop()]);
      await house.stop();
    },
  };
}

function sealerOf(house: House): { stop(): Promise<void> } {
  const folders = auditFolders(house.config);
  return startSealer({
    pool: house.pool("purser_audit"),
    clock: house.clock,
    key: openSealKey(folders.keys),
    anchors: openAnchorFiles(folders.anchors, house.clock),
    onError: complain(house, "the sealer"),
  });
}

function complain(house: House, who: string): (error: unknown) => void {
  return (error) => {
    house.log.error({ err: error }, `${who} failed and tries again`);
  };
}
