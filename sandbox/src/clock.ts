/**
 * The sandbox's only source of time. `now()` is the simulated time (milliseconds since the epoch), which can be moved;
 * `wall()` is the machine's, needed where the other side judges freshness by its own clock (webhook signatures).
 */
export interface Clock {
  now(): number;
  wall(): number;
  /** Moves simulated time forward by so many milliseconds. */
  advance(milliseconds: number): void;
  /** Moves simulated time to this instant; going back is refused with a RangeError, because due work cannot be undone. */
  set(instant: number): void;
  /** Continues a clock that was stopped: time by itself has passed meanwhile, unless the clock stands still. */
  resume(from: Moment): void;
}

/** The two times of an instant, milliseconds since the epoch. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

/** A clock that runs with the machine's, plus whatever it has been advanced by. */
export function createRunningClock(): Clock {
  let offset = 0;
  const wall = (): number => Date.now();
  const now = (): number => wall() + offset;
  return {
    now,
    wall,
    advance: (milliseconds) => {
      offset += forward(milliseconds);
    },
    set: (instant) => {
      offset += forward(instant - now());
    },
    resume: (from) => {
      // A machine whose clock was put back must not take simulated time back with it.
      offset = from.now - Math.min(from.wall, wall());
    },
  };
}

/** A clock that stands still until it is moved, for tests; `start` in milliseconds since the epoch. */
export function createFrozenClock(start: number): Clock {
  let instant = start;
  return {
    now: () => instant,
    wall: () => Date.now(),
    advance: (milliseconds) => {
      instant += forward(milliseconds);
    },
    set: (to) => {
      instant += forward(to - instant);
    },
    resume: (from) => {
      instant = from.now;
    },
  };
}

/** Seconds since the epoch as ISO 8601, for people. */
export function isoFromSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The same day and time so many calendar months later, clamped to the month's last day as Stripe does. */
export function addMonths(seconds: number, months: number, anchor: number): number {
  const from = new Date(seconds * 1000);
  const day = new Date(anchor * 1000).getUTCDate();
  const year = from.getUTCFullYear();
  const month = from.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const clock = seconds % 86_400;
  return Math.floor(Date.UTC(year, month, Math.min(day, lastDay)) / 1000) + clock;
}

function forward(milliseconds: number): number {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) {
    throw new RangeError("the sandbox clock only moves forward");
  }
  return milliseconds;
}
