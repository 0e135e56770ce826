import type pg from "pg";

import { refetchObject, settleIntent } from "../../server/src/domains/billing/jobs.ts";
import type { Fate, InboxEvent } from "../../server/src/domains/inbox/ports.ts";
import { fromUnixSeconds } from "../../server/src/platform/clock.ts";
import type { BatchCtx, Ctx } from "../../server/src/platform/context.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";
import { inTx } from "../../server/src/platform/db/tx.ts";
import { ensureQueues } from "../../server/src/platform/queue/boss.ts";
import { openOutbox } from "../../server/src/platform/queue/outbox.ts";
import { type TestDatabase, testDatabase } from "../../server/src/platform/testing/database.ts";
import { stripeProjector } from "../../server/src/providers/stripe/projector.ts";
import { type EventBody, eventBody } from "./stripe-shapes.ts";

export interface Kit {
  readonly db: TestDatabase;
  /** As the worker sees the database. */
  readonly pool: pg.Pool;
  /** As the operator sees it in psql. */
  readonly operator: pg.Pool;
  readonly superuser: pg.Pool;
  readonly workspaceId: number;
  readonly otherWorkspaceId: number;
  /** What was announced and asked to be enqueued, newest last, whether or not it lies in the queue. */
  readonly announced: { readonly name: string; readonly payload: unknown }[];
  readonly enqueued: { readonly name: string; readonly payload: unknown; readonly key?: string }[];
  /** Through the real outbox, as wiring opens it: without a workspace for a batch, with its own for a unit of work. */
  ctxOf(
    tx: BatchCtx["tx"],
    now: Date,
    workspaceId?: number,
  ): Pick<Ctx, "now" | "tx" | "announce" | "enqueue">;
  /** Takes the jobs that wait in the queue, as a worker would, oldest first. */
  takeJobs(): Promise<
    readonly { readonly name: string; readonly workspaceId: number; readonly payload: unknown }[]
  >;
  project(events: readonly EventBody[], workspaceId?: number): Promise<readonly Fate[]>;
  end(): Promise<void>;
}

export const NOW = new Date("2026-11-21T12:00:00Z");

export async function openKit(): Promise<Kit> {
  const db = await testDatabase();
  const open = (url: string, role: string | null): pg.Pool =>
    openPool({ url, role, max: 4, applicationName: "test", onError: () => undefined });
  const superuser = open(db.superuserUrl, null);
  const ids = await Promise.all(["one", "two"].map((slug) => makeWorkspace(superuser, slug)));
  const [workspaceId = 0, otherWorkspaceId = 0] = ids;
  const pool = open(db.serviceUrl, "purser_worker");
  await declareQueues(open(db.serviceUrl, "purser_jobs"));
  const announced: Kit["announced"] = [];
  const enqueued: Kit["enqueued"] = [];
  const ctxOf: Kit["ctxOf"] = (tx, now, only) => {
    const outbox = openOutbox(tx, { reactions: new Map(), workspaceId: only ?? null });
    return {
      now,
      tx,
      announce: async (event, payload, options) => {
        await outbox.announce(event, payload, options);
        announced.push({ name: event.name, payload: event.payload.parse(payload) });
      },
      enqueue: async (job, payload, options) => {
        await outbox.enqueue(job, payload, options);
        const key = options?.key;
        const line = { name: job.name, payload: job.payload.parse(payload) };
        enqueued.push(key === undefined ? line : { ...line, key });
      },
    };
  };
  const operator = open(db.operatorUrl, null);
  return {
    db,
    pool,
    operator,
    superuser,
    workspaceId,
    otherWorkspaceId,
    announced,
    enqueued,
    ctxOf,
    takeJobs: () => takeJobs(superuser),
    project: (events, workspace = workspaceId) =>
      inTx(pool, [workspace], (tx) =>
        stripeProjector.apply(
          ctxOf(tx, NOW),
          events.map((event, index) => inboxEvent(event, workspace, index)),
        ),
      ),
    end: async () => {
      await Promise.all([pool.end(), operator.end(), superuser.end()]);
    },
  };
}

async function declareQueues(pool: pg.Pool): Promise<void> {
  const jobs = [refetchObject, settleIntent];
  await ensureQueues(
    pool,
    jobs.map(({ name, attempts }) => ({ queue: name, attempts })),
  );
  await pool.end();
}

async function takeJobs(pool: pg.Pool) {
  const taken = await pool.query<{
    name: string;
    data: { workspaceId: number; payload: unknown };
  }>(
    `with taken as (delete from pgboss.job where state = 'created' returning name, data, created_on)
     select name, data from taken order by created_on`,
  );
  return taken.rows.map(({ name, data: { workspaceId, payload } }) => ({
    name,
    workspaceId,
    payload,
  }));
}

async function makeWorkspace(pool: pg.Pool, slug: string): Promise<number> {
  const made = await pool.query<{ id: number }>(
    "insert into workspaces (public_id, slug, name, created_at) values ($1, $2, $2, now()) returning id",
    [`ws_${slug}`, slug],
  );
  return made.rows[0]?.id ?? 0;
}

export function inboxEvent(event: EventBody, workspaceId: number, index: number): InboxEvent {
  return {
    id: BigInt(index + 1),
    workspaceId,
    endpointId: 1,
    externalId: event.id,
    eventType: event.type,
    okey: "stripe:test",
    occurredAt: fromUnixSeconds(event.created),
    receivedAt: NOW,
    body: Buffer.from(JSON.stringify(eventBody(event))),
    attempts: 0,
    replay: false,
  };
}
