import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";

import type { Pool } from "pg";

import { record } from "#domains/audit/commands.ts";
import { type Clock, systemClock } from "#platform/clock.ts";
import type { Config } from "#platform/config/env.ts";
import type { Actor, BatchCtx, Ctx, WorkspaceRef } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { type Tx, inTx } from "#platform/db/tx.ts";
import { type Log, openLog } from "#platform/log.ts";
import type { RunJob } from "#platform/queue/handlers.ts";
import { type ReactionTable, openOutbox } from "#platform/queue/outbox.ts";

import type { Database } from "./database.ts";
import { type Workspaces, openWorkspaces } from "./workspaces.ts";

export type DoorRole =
  | "purser_app"
  | "purser_worker"
  | "purser_intake"
  | "purser_auth"
  | "purser_jobs"
  | "purser_audit";

/** What every part of the program stands on: clock, log, pools by role, and the way to open a unit of work. */
export interface House {
  readonly config: Config;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process among all that share the database. */
  readonly nodeId: string;
  /** The role's own pool, opened at first use; a second one where a part must not wait behind the rest. */
  readonly pool: (role: DoorRole, part?: "tokens") => Pool;
  readonly roleOf: (role: DoorRole) => DoorRole | null;
  readonly workspaces: Workspaces;
  readonly unit: (who: UnitOfWork, tx: Tx) => Ctx;
  readonly run: <T>(who: UnitOfWork, work: (ctx: Ctx) => Promise<T>) => Promise<T>;
  readonly runJob: RunJob;
  readonly batch: (tx: Tx, now: Date) => BatchCtx;
  readonly stop: () => Promise<void>;
}

export interface UnitOfWork {
  readonly actor: Actor;
  readonly workspace: WorkspaceRef;
  readonly requestId: string;
  readonly ticket: string | null;
}

/** Connections a pool may hold; together well below the embedded server's 200, with room for several processes. */
const POOL_SIZE: Record<DoorRole, number> = {
  purser_app: 12,
  purser_worker: 6,
  purser_intake: 3,
  purser_auth: 4,
  purser_jobs: 4,
  purser_audit: 2,
};

/** A flush that takes longer goes to the spool, and its connection should not stay busy behind it. */
const INTAKE_PATIENCE_MS = 3_000;

export function openHouse(
  config: Config,
  database: Database,
  options: { readonly process: string; readonly reactions: ReactionTable },
): House {
  const clock = systemClock;
  const log = openLog({
    level: config.logLevel,
    name: options.process,
    destination: join(config.dataDir, "logs", `${options.process}.jsonl`),
  });
  const pools = new Map<string, Pool>();
  const roleOf = (role: DoorRole): DoorRole | null => (database.roles === "single" ? null : role);
  const pool: House["pool"] = (role, part) => {
    const name = part === undefined ? role : `${role} ${part}`;
    const open = pools.get(name);
    if (open !== undefined) {
      return open;
    }
    const made = openPool({
      url: database.serviceUrl,
      role: roleOf(role),
      max: POOL_SIZE[role],
      ...(role === "purser_intake" ? { statementTimeoutMs: INTAKE_PATIENCE_MS } : {}),
      applicationName: `purser ${options.process}`,
      onError: (error) => {
        log.warn({ err: error, role }, "a database connection ended");
      },
    });
    pools.set(name, made);
    return made;
  };
  const unit = (who: UnitOfWork, tx: Tx): Ctx => {
    const now = clock.now();
    const outbox = openOutbox(tx, { reactions: options.reactions, workspaceId: who.workspace.id });
    const source = { ...who, tx, now };
    return { ...source, ...outbox, audit: (entry) => record(source, entry) };
  };
  const run: House["run"] = (who, work) =>
    inTx(pool("purser_app"), [who.workspace.id], (tx) => work(unit(who, tx)));
  const workspaces = openWorkspaces(() => pool("purser_app"), clock);
  return {
    config,
    database,
    clock,
    log,
    nodeId: `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
    pool,
    roleOf,
    workspaces,
    unit,
    run,
    runJob: async (job, work) => {
      const workspace = await workspaces.byId(job.workspaceId);
      const who: UnitOfWork = {
        actor: { kind: "system", job: job.name },
        workspace,
        requestId: job.id,
        ticket: null,
      };
      return inTx(pool("purser_worker"), [workspace.id], (tx) => work(unit(who, tx)));
    },
    batch: (tx, now) => ({
      now,
      tx,
      ...openOutbox(tx, { reactions: options.reactions, workspaceId: null }),
    }),
    stop: async () => {
      await Promise.all([...pools.values()].map((each) => each.end()));
    },
  };
}
