import { nowMs } from "./clock.ts";
import { formatRelative, formatTime } from "./format.ts";
import { usePreferences } from "./preferences.ts";
import { useNow } from "./ticker.ts";

import "./small.css";

const MINUTE_MS = 60_000;

interface WhenProps {
  /** ISO 8601 with its zone, epoch milliseconds, or nothing. */
  readonly at: string | number | Date | null | undefined;
  readonly as?: "relative" | "short" | "absolute" | "day";
  /** What to show where there is no time. */
  readonly none?: string;
}

/**
 * A moment: relative by default, absolute with its zone on hover. With UTC switched on (one key) every moment on the
 * page is absolute and in UTC: two people on a call then read the same words.
 */
export function When({ at, as = "relative", none = "–" }: WhenProps) {
  const { utc } = usePreferences();
  const ms = at === null || at === undefined ? Number.NaN : new Date(at).getTime();
  const now = useNow(nowMs() - ms > MINUTE_MS ? MINUTE_MS : undefined);
  if (Number.isNaN(ms)) {
    return <span className="dim">{none}</span>;
  }
  const text = textOf(as, ms, { now, utc });
  const title = `${formatTime(ms, "absolute", utc)}\n${formatRelative(ms, now)}\n${new Date(ms).toISOString()}`;
  return (
    <time className="when" dateTime={new Date(ms).toISOString()} title={title}>
      {text}
    </time>
  );
}

function textOf(
  style: NonNullable<WhenProps["as"]>,
  ms: number,
  { now, utc }: { readonly now: number; readonly utc: boolean },
): string {
  if (style === "relative" && !utc) {
    return formatRelative(ms, now);
  }
  const shown = style === "relative" ? "short" : style;
  return formatTime(ms, shown, utc) + (utc && shown === "short" ? " UTC" : "");
}
