/** Whether the database is asked at all. `open`: not until `untilMs`; `half`: one batch may try. */
export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number; readonly failures: number };

export const CLOSED: Breaker = { kind: "closed", failures: 0 };

const FIRST_MS = 250;
const LONGEST_MS = 5_000;

/** After a failure or a flush that took too long: not again for a while, twice as long each time, five seconds at most. */
export function afterFailure(breaker: Breaker, nowMs: number): Breaker {
  const failures = breaker.failures + 1;
  return {
    kind: "open",
    failures,
    untilMs: nowMs + Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 10), LONGEST_MS),
  };
}

export function afterSuccess(): Breaker {
  return CLOSED;
}

export function mayTry(breaker: Breaker, nowMs: number): boolean {
  return breaker.kind === "closed" || nowMs >= breaker.untilMs;
}
