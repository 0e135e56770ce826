import { useSyncExternalStore } from "react";

import { nowMs } from "./clock.ts";

const STEP_MS = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let current = nowMs();

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    current = nowMs(); // nobody looked for a while; React reads the snapshot again after subscribing
  }
  listeners.add(listener);
  timer ??= setInterval(() => {
    current = nowMs();
    for (const each of listeners) {
      each();
    }
  }, STEP_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/**
 * What `words` makes of the time (epoch milliseconds), asked each second by the page's one timer. A component is drawn
 * again only when its words change: an age in minutes costs one drawing a minute, and yet it is never taken from
 * another clock than its neighbour's, so a sorted list reads sorted.
 */
export function useWordsOfNow<Words extends string | number | boolean>(
  words: (now: number) => Words,
): Words {
  const read = () => words(current);
  return useSyncExternalStore(subscribe, read, read);
}

/** The time in epoch milliseconds, by the second. */
export function useNow(): number {
  return useWordsOfNow((now) => now);
}
