/** Minutes, hours, days of the month, months, days of the week (0 is Sunday), each as the set of values that match. */
export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** crontab(5): where both day fields are restricted, either may match. */
  readonly eitherDay: boolean;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** 29 February comes at most eight years after the last one (2096 to 2104). */
const HORIZON_DAYS = 366 * 8 + 2;

function fieldOf(text: string, low: number, high: number): ReadonlySet<number> | null {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/u.exec(part);
    if (match === null) {
      return null;
    }
    const [, first, last, every] = match;
    const from = first === undefined ? low : Number(first);
    const single = last === undefined && every === undefined && first !== undefined;
    const to = last === undefined ? (single ? from : high) : Number(last);
    const step = every === undefined ? 1 : Number(every);
    if (from < low || to > high || from > to || step < 1) {
      return null;
    }
    for (let value = from; value <= to; value += step) {
      values.add(value);
    }
  }
  return values;
}

/** Five fields of cron with numbers, lists, ranges and steps; null where it is none. */
export function parseCron(text: string): Cron | null {
  const fields = text.trim().split(/\s+/u);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const minutes = fieldOf(minute, 0, 59);
  const hours = fieldOf(hour, 0, 23);
  const days = fieldOf(day, 1, 31);
  const months = fieldOf(month, 1, 12);
  const weekdays = fieldOf(weekday, 0, 7);
  if (
    fields.length !== 5 ||
    minutes === null ||
    hours === null ||
    days === null ||
    months === null ||
    weekdays === null
  ) {
    return null;
  }
  return {
    minutes,
    hours,
    days,
    months,
    weekdays: new Set(Array.from(weekdays, (value) => value % 7)),
    eitherDay: day !== "*" && weekday !== "*",
  };
}

function dayMatches(cron: Cron, instant: Date): boolean {
  if (!cron.months.has(instant.getUTCMonth() + 1)) {
    return false;
  }
  const day = cron.days.has(instant.getUTCDate());
  const weekday = cron.weekdays.has(instant.getUTCDay());
  return cron.eitherDay ? day || weekday : day && weekday;
}

function search(cron: Cron, from: Date, step: 1 | -1): Date | null {
  const start = Math.floor(from.getTime() / MINUTE_MS) * MINUTE_MS;
  let at = start;
  while (Math.abs(at - start) <= HORIZON_DAYS * DAY_MS) {
    const instant = new Date(at);
    if (!dayMatches(cron, instant)) {
      // To the edge of the neighbouring day: most minutes are never looked at.
      const midnight = Math.floor(at / DAY_MS) * DAY_MS;
      at = step === 1 ? midnight + DAY_MS : midnight - MINUTE_MS;
    } else if (cron.hours.has(instant.getUTCHours()) && cron.minutes.has(instant.getUTCMinutes())) {
      return instant;
    } else {
      at += step * MINUTE_MS;
    }
  }
  return null;
}

/** The first due minute strictly after `after`, or null for a day that never comes (31 February). */
export function nextRun(cron: Cron, after: Date): Date | null {
  return search(cron, new Date(after.getTime() + MINUTE_MS), 1);
}

/** The last due minute at or before `at`. */
export function lastDue(cron: Cron, at: Date): Date | null {
  return search(cron, at, -1);
}
