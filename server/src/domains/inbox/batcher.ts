import type { Accepted, Appended, DurableLog } from "./durable-log.ts";

export interface BatcherOptions {
  readonly log: DurableLog;
  /** Flushes under way at once; one is fastest where Postgres shares the machine. */
  readonly flushes?: number;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  /** Events waiting for a flush above which new ones are turned away rather than kept in memory. */
  readonly maxQueued?: number;
}

export class IntakeFull extends Error {}

interface Pending {
  readonly event: Accepted;
  readonly resolve: (outcome: Appended) => void;
  readonly reject: (error: unknown) => void;
}

export interface Batcher {
  submit(event: Accepted): Promise<Appended>;
  readonly queued: () => number;
  /** Resolves when everything submitted has been answered. */
  drain(): Promise<void>;
}

/**
 * Self-clocking: a flush starts as soon as one may, and takes what has gathered meanwhile. One event
 * at a time costs one commit each; under load the batches grow by themselves. No timer, no waiting.
 */
export function startBatcher(options: BatcherOptions): Batcher {
  const limits = {
    flushes: options.flushes ?? 1,
    rows: options.maxRows ?? 512,
    bytes: options.maxBytes ?? 4 * 1024 * 1024,
    queued: options.maxQueued ?? 20_000,
  };
  let queue: Pending[] = [];
  let flushing = 0;
  let scheduled = false;
  const idle: (() => void)[] = [];

  const flush = async (): Promise<void> => {
    const { batch, twins, rest } = takeBatch(queue, limits);
    queue = rest;
    try {
      const outcomes = await options.log.append(batch.map((pending) => pending.event));
      for (const [index, pending] of batch.entries()) {
        pending.resolve(outcomes[index] ?? "new");
      }
      for (const twin of twins) {
        twin.resolve("duplicate");
      }
    } catch (error) {
      for (const pending of [...batch, ...twins]) {
        pending.reject(error);
      }
    }
  };

  const pump = (): void => {
    scheduled = false;
    while (flushing < limits.flushes && queue.length > 0) {
      flushing += 1;
      void flush().finally(() => {
        flushing -= 1;
        pump();
      });
    }
    if (flushing === 0 && queue.length === 0) {
      for (const resolve of idle.splice(0)) {
        resolve();
      }
    }
  };

  return {
    submit: (event) =>
      new Promise((resolve, reject) => {
        if (queue.length >= limits.queued) {
          reject(new IntakeFull("Too many webhooks wait to be stored."));
          return;
        }
        queue.push({ event, resolve, reject });
        if (!scheduled && flushing < limits.flushes) {
          scheduled = true;
          // After the sockets that are ready in this turn of the loop were read: they share the commit.
          setImmediate(pump);
        }
      }),
    queued: () => queue.length,
    drain: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
}

interface Taken {
  readonly batch: readonly Pending[];
  /** The same delivery twice within one batch: shares the first one's durability. */
  readonly twins: readonly Pending[];
  readonly rest: Pending[];
}

function takeBatch(
  queue: readonly Pending[],
  limits: { readonly rows: number; readonly bytes: number },
): Taken {
  const seen = new Map<string, Buffer>();
  const batch: Pending[] = [];
  const twins: Pending[] = [];
  const rest: Pending[] = [];
  let bytes = 0;
  let index = 0;
  for (; index < queue.length; index += 1) {
    const pending = queue[index];
    if (
      pending === undefined ||
      batch.length >= limits.rows ||
      (bytes > 0 && bytes + pending.event.body.length > limits.bytes)
    ) {
      break;
    }
    const key = `${String(pending.event.endpointId)}:${pending.event.externalId}`;
    const twin = seen.get(key);
    if (twin === undefined) {
      seen.set(key, pending.event.fingerprint);
      batch.push(pending);
      bytes += pending.event.body.length;
    } else if (twin.equals(pending.event.fingerprint)) {
      twins.push(pending);
    } else {
      rest.push(pending); // a conflict with its batch mate: the next flush will find it out
    }
  }
  return {
    batch,
    twins,
    rest: rest.length === 0 ? queue.slice(index) : [...rest, ...queue.slice(index)],
  };
}
