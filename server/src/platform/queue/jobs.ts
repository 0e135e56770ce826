import type { z } from "zod";

/** A job is declared where it is enqueued and handled elsewhere, so declaring one never imports its handler. */
export interface Job<Payload> {
  /** `room.verb_noun`, imperative. */
  readonly name: string;
  readonly payload: z.ZodType<Payload>;
  /** Tries before the job is kept as dead. */
  readonly attempts: number;
}

export function defineJob<Payload>(job: Job<Payload>): Job<Payload> {
  return job;
}

export interface EnqueueOptions {
  readonly runAt?: Date;
  /** At most one waiting job of this name per key. */
  readonly key?: string;
  /** Needed in a batch over several workspaces; elsewhere it is the unit of work's own. */
  readonly workspaceId?: number;
}

export type Enqueue = <Payload>(
  job: Job<Payload>,
  payload: Payload,
  options?: EnqueueOptions,
) => Promise<void>;

/** In a batch over several workspaces nothing says which one a job is for but the call. */
export type EnqueueInBatch = <Payload>(
  job: Job<Payload>,
  payload: Payload,
  options: EnqueueOptions & { readonly workspaceId: number },
) => Promise<void>;

export type JobOutcome =
  | { readonly kind: "done"; readonly note?: string }
  | { readonly kind: "snooze"; readonly until: Date }
  | { readonly kind: "discard"; readonly reason: string };
