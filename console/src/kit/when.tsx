import { formatRelative, formatTime } from "./format.ts";
import { usePreferences } from "./preferences.ts";
import { useWordsOfNow } from "./ticker.ts";

import "./small.css";

interface WhenProps {
  /** ISO 8601 with its zone, epoch milliseconds, or nothing. */
  readonly at: string | number | Date | null | undefined;
  readonly as?: "relative" | "short" | "absolute" | "day";
  /** What to show where there is no time. */
  readonly none?: string;
  /** It has happened: a browser whose clock runs behind the server's does not make it a promise. */
  readonly past?: boolean;
}

/**
 * A moment: relative by default, absolute with its zone on hover. With UTC switched on (one key) every moment on the
 * page is absolute and in UTC: two people on a call then read the same words.
 */
export function When({ at, as = "relative", none = "–", past = false }: WhenProps) {
  const { utc } = usePreferences();
  const ms = at === null || at === undefined ? Number.NaN : new Date(at).getTime();
  const relative = useWordsOfNow((now) =>
    Number.isNaN(ms) ? "" : formatRelative(past ? Math.min(ms, now) : ms, now),
  );
  if (Number.isNaN(ms)) {
    return <span className="dim">{none}</span>;
  }
  const text = as === "relative" && !utc ? relative : textOf(as, ms, utc);
  const title = `${formatTime(ms, "absolute", utc)}\n${relative}\n${new Date(ms).toISOString()}`;
  return (
    <time className="when" dateTime={new Date(ms).toISOString()} title={title}>
      {text}
    </time>
  );
}

function textOf(style: NonNullable<WhenProps["as"]>, ms: number, utc: boolean): string {
  const shown = style === "relative" ? "short" : style;
  return formatTime(ms, shown, utc) + (utc && shown === "short" ? " UTC" : "");
}
