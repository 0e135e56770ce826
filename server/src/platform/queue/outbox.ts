import { createHash, randomUUID } from "node:crypto";

import type { Tx } from "#platform/db/tx.ts";

import type { Announce } from "./events.ts";
import type { Enqueue } from "./jobs.ts";

/** Which queues an event goes to; wiring makes it from the rooms' reactions. */
export type ReactionTable = ReadonlyMap<string, readonly string[]>;

export function reactionTable(
  reactions: readonly { readonly event: string; readonly queue: string }[],
): ReactionTable {
  const table = new Map<string, string[]>();
  for (const reaction of reactions) {
    table.set(reaction.event, [...(table.get(reaction.event) ?? []), reaction.queue]);
  }
  return table;
}

/** What lies in `pgboss.job.data`. */
export interface Envelope {
  readonly workspaceId: number | null;
  readonly payload: unknown;
}

interface NewJob {
  readonly id: string;
  readonly name: string;
  readonly data: Envelope;
  readonly run_at?: string;
  readonly key?: string;
}

/** The same words give the same id, so a second insert of the same job is no job (RFC 9562, version 8). */
export function idFor(...words: readonly string[]): string {
  const hex = createHash("sha256").update(JSON.stringify(words)).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export async function insertJobs(tx: Tx, jobs: readonly NewJob[]): Promise<number> {
  if (jobs.length === 0) {
    return 0;
  }
  const made = await tx.client.query<{ made: number }>({
    name: "purser_enqueue",
    text: "select purser_enqueue($1::jsonb) as made",
    values: [JSON.stringify(jobs)],
  });
  return made.rows[0]?.made ?? 0;
}

export interface OutboxScope {
  readonly reactions: ReactionTable;
  /** The unit of work's workspace; null in a batch over several, where each call names its own. */
  readonly workspaceId: number | null;
}

export interface Outbox {
  readonly announce: Announce;
  readonly enqueue: Enqueue;
}

function workspaceOf(scope: OutboxScope, named: number | undefined, job: string): number {
  const workspaceId = named ?? scope.workspaceId;
  if (workspaceId === null) {
    throw new Error(`${job} was enqueued in a batch without the workspace it is for.`);
  }
  return workspaceId;
}

function outboxThrough(
  scope: OutboxScope,
  put: (jobs: readonly NewJob[]) => Promise<void>,
): Outbox {
  return {
    announce: (event, payload, options) => {
      const fact = event.payload.parse(payload);
      const queues = scope.reactions.get(event.name) ?? [];
      return put(
        queues.map((name) => ({
          // With a key the reaction happens once, however often the fact is announced while the job is kept.
          id:
            options.key === undefined
              ? randomUUID()
              : idFor("announce", name, String(options.workspaceId), options.key),
          name,
          data: { workspaceId: options.workspaceId, payload: fact },
        })),
      );
    },
    enqueue: (job, payload, options = {}) => {
      const workspaceId = workspaceOf(scope, options.workspaceId, job.name);
      return put([
        {
          id: randomUUID(),
          name: job.name,
          data: { workspaceId, payload: job.payload.parse(payload) },
          ...(options.runAt === undefined ? {} : { run_at: options.runAt.toISOString() }),
          ...(options.key === undefined ? {} : { key: `${workspaceId}:${options.key}` }),
        },
      ]);
    },
  };
}

/** Announcing and enqueuing in a transaction: each call writes at once, so a savepoint that is rolled back takes its jobs with it. */
export function openOutbox(tx: Tx, scope: OutboxScope): Outbox {
  return outboxThrough(scope, async (jobs) => {
    await insertJobs(tx, jobs);
  });
}

/** For batches of thousands: collects and writes everything in one statement at `flush`. */
export interface BufferedOutbox extends Outbox {
  /** Before the commit, or nothing was ever announced. */
  flush(): Promise<void>;
  /** Beside a savepoint: `rewind(mark)` forgets what was collected since. */
  mark(): number;
  rewind(mark: number): void;
}

export function openBufferedOutbox(tx: Tx, scope: OutboxScope): BufferedOutbox {
  const waiting: NewJob[] = [];
  return {
    ...outboxThrough(scope, (jobs) => {
      waiting.push(...jobs);
      return Promise.resolve();
    }),
    flush: async () => {
      await insertJobs(tx, waiting);
      waiting.length = 0;
    },
    mark: () => waiting.length,
    rewind: (mark) => {
      waiting.length = Math.min(mark, waiting.length);
    },
  };
}
