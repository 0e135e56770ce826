import type { Ctx } from "#platform/context.ts";

import type { DomainEvent } from "./events.ts";
import type { Job, JobOutcome } from "./jobs.ts";

/** One try of one job, as its handler sees it. */
export interface JobUnit {
  readonly job: string;
  readonly jobId: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** null for jobs of the house itself. */
  readonly workspaceId: number | null;
  readonly signal: AbortSignal;
  /** One transaction of the job's own workspace. @throws Error where the job has none */
  run<T>(work: (ctx: Ctx) => Promise<T>): Promise<T>;
  /** One transaction of any workspace, for jobs of the house that go through all of them. */
  runIn<T>(workspaceId: number, work: (ctx: Ctx) => Promise<T>): Promise<T>;
}

/** Wiring's way to give a job its unit of work: actor `system`, the job's name, its id as request id. */
export type RunJob = <T>(
  job: { readonly name: string; readonly id: string; readonly workspaceId: number },
  work: (ctx: Ctx) => Promise<T>,
) => Promise<T>;

/** A queue with the code that empties it; payload already parsed. Any throw is another try. */
export interface QueueHandler {
  readonly queue: string;
  readonly attempts: number;
  readonly handle: (unit: JobUnit, payload: unknown) => Promise<JobOutcome>;
}

export function handleJob<Payload>(
  job: Job<Payload>,
  handle: (unit: JobUnit, payload: Payload) => Promise<JobOutcome>,
): QueueHandler {
  return {
    queue: job.name,
    attempts: job.attempts,
    handle: (unit, payload) => handle(unit, job.payload.parse(payload)),
  };
}

/** A higher room's answer to what a lower one announced. It gets a queue of its own, so one reaction that fails repeats nobody else's. */
export interface Reaction extends QueueHandler {
  readonly event: string;
}

const REACTION_ATTEMPTS = 10;

/** Runs in one transaction of the announcing workspace; delivered at least once, in no promised order. */
export function react<Payload>(
  event: DomainEvent<Payload>,
  room: string,
  handle: (ctx: Ctx, payload: Payload) => Promise<void>,
): Reaction {
  return {
    event: event.name,
    queue: `on.${event.name}.${room}`,
    attempts: REACTION_ATTEMPTS,
    handle: async (unit, payload) => {
      const fact = event.payload.parse(payload);
      await unit.run((ctx) => handle(ctx, fact));
      return { kind: "done" };
    },
  };
}

/** A line of the schedule. The job's payload must accept `{}`. */
export interface Schedule {
  readonly job: string;
  readonly title: string;
  /** Five fields of cron, UTC. */
  readonly cron: string;
}
