import { addMonths } from "#sandbox/clock.ts";

import type { Price } from "./shapes.ts";

const DAY = 86_400;

/** The end of the billing period that starts at `start`, counted from the anchor's day as Stripe does. */
export function periodEnd(start: number, recurring: Price["recurring"], anchor: number): number {
  const count = recurring?.interval_count ?? 1;
  switch (recurring?.interval ?? "month") {
    case "day":
      return start + count * DAY;
    case "week":
      return start + count * 7 * DAY;
    case "year":
      return addMonths(start, 12 * count, anchor);
    default:
      return addMonths(start, count, anchor);
  }
}

/** "1 month", "3 years". */
export function sameInterval(left: Price["recurring"], right: Price["recurring"]): boolean {
  return left?.interval === right?.interval && left?.interval_count === right?.interval_count;
}

/** A day and month for people, as on Stripe's lines: `5 Jan 2026`. */
export function dayText(seconds: number): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  }).format(seconds * 1000);
}
