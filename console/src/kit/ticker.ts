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
 * The time in epoch milliseconds, coarsened to `stepMs`: a component that shows minutes is drawn again each minute,
 * not each second. One timer serves the page.
 */
export function useNow(stepMs: number = STEP_MS): number {
  return useSyncExternalStore(subscribe, () => Math.floor(current / stepMs) * stepMs);
}
