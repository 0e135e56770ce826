import type { ReactNode } from "react";

import { formatTime } from "./format.ts";
import { usePreferences } from "./preferences.ts";
import { type Tone, ToneIcon } from "./status-pill.tsx";
import { When } from "./when.tsx";

import "./records.css";

export interface TimelineItem {
  readonly key: string;
  readonly at: string;
  /** Left out for what is neither good nor bad. */
  readonly tone?: Tone | undefined;
  readonly title: ReactNode;
  readonly detail?: ReactNode;
}

/** What happened, newest first, under the days it happened on. */
export function Timeline({
  label,
  items,
}: {
  readonly label: string;
  readonly items: readonly TimelineItem[];
}) {
  const { utc } = usePreferences();
  const days = Map.groupBy(items, (item) => formatTime(Date.parse(item.at), "day", utc));
  return (
    <div aria-label={label} role="group">
      {[...days].map(([day, list]) => (
        <section key={day} aria-label={day}>
          <h3 className="timeline-day">{day}</h3>
          <ol className="timeline">
            {list.map((item) => (
              <li key={item.key}>
                <span className="timeline-mark">
                  {item.tone === undefined ? (
                    <span className="timeline-dot" />
                  ) : (
                    <ToneIcon tone={item.tone} size={16} />
                  )}
                </span>
                <span>{item.title}</span>
                <span className="timeline-at">
                  <When at={item.at} past />
                </span>
                {item.detail === undefined ? null : (
                  <div className="timeline-detail">{item.detail}</div>
                )}
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}
