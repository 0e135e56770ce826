import { join } from "node:path";

import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { folderDisk } from "#platform/spool/disk.ts";
import { waitForFolder } from "#platform/spool/folders.ts";
import { openSpool } from "#platform/spool/spool.ts";

import { openEndpointDirectory } from "./endpoint-directory.ts";
import { type Intake, startIntake } from "./intake.ts";
import { type FlushReport, measuredLog } from "./measured-log.ts";
import type { EndpointSecrets, RefusalAudit, WebhookSource } from "./ports.ts";
import { postgresLog } from "./postgres-log.ts";
import { type SpooledLog, spooledLog } from "./spooled-log.ts";

/** A worker that hears nothing polls after a second; hints closer together than this say nothing new. */
const HINT_EVERY_MS = 20;

export interface OpenIntakeOptions {
  /** Unique on this machine and stable over restarts: `intake-4000`. Names the spool's folder. */
  readonly nodeId: string;
  /** Role purser_intake; two connections or more, used by nothing else. */
  readonly pool: Pool;
  /** Folder for the spool and the snapshot of the endpoints; on a disk that survives a restart. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly secrets: EndpointSecrets;
  readonly sources: readonly WebhookSource[];
  readonly audit: RefusalAudit | null;
  readonly flushes?: number;
  /** Called after every flush, for the metrics page. */
  readonly onFlush?: (report: FlushReport) => void;
  readonly spoolBytes?: number;
  readonly reserveBytes?: number;
}

export interface OpenIntake {
  readonly intake: Intake;
  readonly spool: Pick<SpooledLog, "spooled" | "breaker" | "drain">;
  /** Answers what is under way, then closes. The HTTP server must have stopped listening. */
  stop(): Promise<void>;
}

/** Everything that the webhook routes need, put together: directory with snapshot, Postgres behind a spool, batcher. */
export async function openIntake(options: OpenIntakeOptions): Promise<OpenIntake> {
  const { clock, log, pool } = options;
  const root = join(options.dataDir, "spool");
  const folder = await waitForFolder(root, options.nodeId);
  const spool = await openSpool({
    disk: await folderDisk(folder.path),
    ...(options.spoolBytes === undefined ? {} : { maxBytes: options.spoolBytes }),
    ...(options.reserveBytes === undefined ? {} : { reserveBytes: options.reserveBytes }),
    onIncident: (incident) => {
      log[incident.kind === "torn" ? "warn" : "error"](
        { ...incident },
        "The spool met trouble on its disk.",
      );
    },
  });
  const directory = await openEndpointDirectory({
    pool,
    secrets: options.secrets,
    snapshotFile: join(options.dataDir, `endpoints-${options.nodeId}.json`),
    clock,
    log,
  });
  const durable = spooledLog({
    primary: postgresLog({ pool, notification: hints(pool, clock) }),
    spool,
    clock,
    log,
    root,
    home: folder.path,
  });
  const intake = startIntake({
    ...options,
    directory,
    durable: options.onFlush === undefined ? durable : measuredLog(durable, clock, options.onFlush),
    spool: durable,
  });
  return {
    intake,
    spool: durable,
    stop: async () => {
      await intake.stop();
      await durable.stop();
      directory.stop();
      folder.release();
    },
  };
}

/** Says when a flush should wake the workers: at most every 20 ms, and once more after the last flush of a burst. */
function hints(pool: Pool, clock: Clock): () => string | null {
  let lastMs = Number.NEGATIVE_INFINITY;
  let trailing: NodeJS.Timeout | null = null;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs >= HINT_EVERY_MS) {
      lastMs = nowMs;
      return "work";
    }
    trailing ??= setTimeout(() => {
      trailing = null;
      lastMs = clock.monotonicMs();
      pool.query("select pg_notify('purser_inbox', 'work')").catch(() => undefined);
    }, HINT_EVERY_MS);
    trailing.unref();
    return null;
  };
}
