import type { Random } from "#sandbox/random.ts";
import type { DeliveryJob } from "#sandbox/stripe/world.ts";

/** Deliveries waiting to leave: a queue, and before it those that are held back to be shuffled. */
export interface Line {
  push(job: DeliveryJob): void;
  hold(job: DeliveryJob): void;
  /** Lets go of what is held, in random order, as soon as there are `window` of them. */
  release(window: number): void;
  next(): DeliveryJob | undefined;
  isEmpty(): boolean;
  jobs(): readonly DeliveryJob[];
}

/** Taken jobs leave the queue in bulk: shifting one by one would be slow in floods. */
const TAKEN_KEPT = 1_000;

export function createLine(random: Random): Line {
  const queue: DeliveryJob[] = [];
  const held: DeliveryJob[] = [];
  let head = 0;
  return {
    push: (job) => {
      queue.push(job);
    },
    hold: (job) => {
      held.push(job);
    },
    release: (window) => {
      const size = Math.max(1, window);
      while (held.length >= size) {
        const batch = held.splice(0, size);
        while (batch.length > 0) {
          queue.push(...batch.splice(random.below(batch.length), 1));
        }
      }
    },
    next: () => {
      const job = queue[head];
      head += job === undefined ? 0 : 1;
      if (head > TAKEN_KEPT && head * 2 > queue.length) {
        queue.splice(0, head);
        head = 0;
      }
      return job;
    },
    isEmpty: () => head >= queue.length,
    jobs: () => [...queue.slice(head), ...held],
  };
}
