const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const absolute = (timeZone: string | undefined) =>
  new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  });
const short = (timeZone: string | undefined) =>
  new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(timeZone === undefined ? {} : { timeZone }),
  });
const dayOnly = (timeZone: string | undefined) =>
  new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    ...(timeZone === undefined ? {} : { timeZone }),
  });

const formats = {
  absolute: { local: absolute(undefined), utc: absolute("UTC") },
  short: { local: short(undefined), utc: short("UTC") },
  day: { local: dayOnly(undefined), utc: dayOnly("UTC") },
};

/** A moment as text in the reader's zone or in UTC. `atMs` in epoch milliseconds. */
export function formatTime(atMs: number, style: keyof typeof formats, utc: boolean): string {
  return formats[style][utc ? "utc" : "local"].format(atMs);
}

/** A length of time in its largest unit ("14 min", "3 h", "2 days"). `ms` in milliseconds. */
export function formatDuration(ms: number): string {
  const size = Math.abs(ms);
  if (size < SECOND) {
    return `${Math.round(size)} ms`;
  }
  if (size < MINUTE) {
    return `${Math.floor(size / SECOND)} s`;
  }
  if (size < HOUR) {
    return `${Math.floor(size / MINUTE)} min`;
  }
  if (size < 2 * DAY) {
    return `${Math.floor(size / HOUR)} h`;
  }
  return `${Math.floor(size / DAY)} days`;
}

/** "14 min ago", "in 3 h", "just now". */
export function formatRelative(atMs: number, now: number): string {
  const ms = now - atMs;
  if (Math.abs(ms) < SECOND * 2) {
    return ms >= 0 ? "just now" : "now";
  }
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(ms)}`;
}

const moneyFormats = new Map<string, Intl.NumberFormat>();

function moneyFormat(currency: string): Intl.NumberFormat {
  const known = moneyFormats.get(currency);
  if (known !== undefined) {
    return known;
  }
  const made = new Intl.NumberFormat("en", { style: "currency", currency });
  moneyFormats.set(currency, made);
  return made;
}

/**
 * Minor units with an ISO 4217 code, as text ("$1,204.50"). The number of decimals is the currency's own, so 500 JPY
 * is not shown as five yen. The one place where minor units are divided: for display.
 */
export function formatMoney(amountMinor: number, currency: string): string {
  try {
    const format = moneyFormat(currency.toUpperCase());
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(amountMinor / 10 ** digits);
  } catch {
    return `${amountMinor} ${currency} (minor units)`; // a code that Intl does not know is shown, not hidden
  }
}

const integer = new Intl.NumberFormat("en");

/** 12345 -> "12,345". */
export function formatCount(count: number): string {
  return integer.format(count);
}

/** "1 event", "37 events". Only for regular plurals. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** An id with its middle left out: the prefix says what it is, the end tells two apart. */
export function shortenId(id: string, keep = 15): string {
  if (id.length <= keep + 2) {
    return id;
  }
  const tail = 5;
  return `${id.slice(0, keep - tail - 1)}…${id.slice(-tail)}`;
}

/** "subscriptions.reset-all", "periodEnd", "period_end" -> "Subscriptions reset all", "Period end". */
export function humanize(name: string): string {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/gu, "$1 $2")
    .replaceAll(/[._-]+/gu, " ")
    .trim()
    .toLowerCase();
  const sentence = words.charAt(0).toUpperCase() + words.slice(1);
  return sentence.replaceAll(/\b(?:api|url|pdf|id|cli|utc)\b/giu, (letters) =>
    letters.toUpperCase(),
  );
}
