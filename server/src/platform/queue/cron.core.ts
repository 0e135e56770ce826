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
/** Lowest and highest value of each field; 7 is Sunday again. */
const LIMITS: readonly (readonly [number, number])[] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
];

const PART = /^(?:\*|(?<first>\d+)(?:-(?<last>\d+))?)(?:\/(?<every>\d+))?$/u;

/** One element of a list: `*`, `5`, `1-5`, any of them with `/step`; null where it is none. */
function partOf(text: string, low: number, high: number): readonly number[] | null {
  const groups = PART.exec(text)?.groups;
  if (groups === undefined) {
    return null;
  }
  const { first, last, every } = groups;
  const from = Number(first ?? low);
  const alone = first !== undefined && every === undefined;
  const to = Number(last ?? (alone ? first : high));
  const step = Number(every ?? 1);
  if (from < low || to > high || from > to || step < 1) {
    return null;
  }
  return Array.from(
    { length: Math.floor((to - from) / step) + 1 },
    (_, index) => from + index * step,
  );
}

function fieldOf(text: string, low: number, high: number): ReadonlySet<number> | null {
  const parts = text.split(",").map((part) => partOf(part, low, high));
  const known = parts.filter((part) => part !== null);
  return known.length === parts.length ? new Set(known.flat()) : null;
}

/** Five fields of cron with numbers, lists, ranges and steps; null where it is none. */
export function parseCron(text: string): Cron | null {
  const fields = text.trim().split(/\s+/u);
  const parsed = fields.map((field, index) => {
    const [low, high] = LIMITS[index] ?? [1, 0];
    return fieldOf(field, low, high);
  });
  const [minutes, hours, days, months, weekdays] = parsed.filter((field) => field !== null);
  // Five good fields of five: a missing one leaves the last undefined, a bad or sixth one makes the numbers differ.
  if (fields.length !== LIMITS.length || !minutes || !hours || !days || !months || !weekdays) {
    return null;
  }
  return {
    minutes,
    hours,
    days,
    months,
    weekdays: new Set(Array.from(weekdays, (value) => value % 7)),
    eitherDay: fields[2] !== "*" && fields[4] !== "*",
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
