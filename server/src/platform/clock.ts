/** The only door to the machine's time. A unit of work reads it once and carries the instant as `ctx.now`. */
export interface Clock {
  now(): Date;
  /** Monotonic milliseconds for durations; never compared across processes. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A clock for tests and simulations that moves only when told to. */
export interface MovableClock extends Clock {
  set(instant: Date): void;
  advanceMs(ms: number): void;
}

export function movableClock(start: Date): MovableClock {
  let nowMs = start.getTime();
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    set: (instant) => {
      nowMs = instant.getTime();
    },
    advanceMs: (ms) => {
      nowMs += ms;
    },
  };
}

const HOUR_MS = 3_600_000;

export function addMs(instant: Date, ms: number): Date {
  return new Date(instant.getTime() + ms);
}

export function addHours(instant: Date, hours: number): Date {
  return addMs(instant, hours * HOUR_MS);
}

/** Stripe and Twilio report whole seconds since 1970. */
export function fromUnixSeconds(seconds: number): Date {
  return new Date(seconds * 1000);
}

export function toUnixSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
