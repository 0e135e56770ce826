const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Stripe retries for up to three days with growing pauses; it does not publish them, these are as observed. */
const PAUSES = [
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  10 * HOUR,
  12 * HOUR,
  12 * HOUR,
  12 * HOUR,
];

/** Seconds of simulated time from a failed attempt (the first is 1) to the next; undefined when Stripe gives up. */
export function retryPause(attempt: number, pace: number): number | undefined {
  const pause = PAUSES[attempt - 1];
  return pause === undefined ? undefined : Math.max(1, Math.round(pause / pace));
}
