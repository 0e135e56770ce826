import { type KeyboardEvent, type ReactNode, useEffect, useId } from "react";

import "./page.css";

export interface Tab {
  readonly key: string;
  readonly label: string;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
  readonly onChange: (key: string) => void;
  /** The body of the current tab. */
  readonly children: ReactNode;
}

/** Tabs after the WAI pattern: one tab stop, arrows move. The current one belongs in the address. */
export function Tabs({ label, tabs, current, onChange, children }: TabsProps) {
  const id = useId();
  const at = Math.max(
    0,
    tabs.findIndex((tab) => tab.key === current),
  );
  const shown = tabs[at];
  useEffect(() => {
    // A strip that is wider than the phone shows at least where one is.
    document
      .getElementById(`${id}-${current}`)
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [id, current]);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = by === undefined ? undefined : tabs[(at + by + tabs.length) % tabs.length];
    if (next !== undefined) {
      event.preventDefault();
      onChange(next.key);
      document.getElementById(`${id}-${next.key}`)?.focus();
    }
  };
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} tabIndex={-1} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.key}
            id={`${id}-${tab.key}`}
            type="button"
            role="tab"
            aria-selected={tab === shown}
            aria-controls={`${id}-body`}
            tabIndex={tab === shown ? 0 : -1}
            onClick={() => onChange(tab.key)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        id={`${id}-body`}
        className="tab-body"
        role="tabpanel"
        aria-labelledby={shown === undefined ? undefined : `${id}-${shown.key}`}
      >
        {children}
      </div>
    </>
  );
}
