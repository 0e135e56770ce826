import type { ReactNode } from "react";

import "./states.css";

interface EmptyStateProps {
  readonly title: string;
  /** What would appear here, and when. */
  readonly children: ReactNode;
  /** Buttons that take the next step. */
  readonly actions?: ReactNode;
}

/** Nothing to show, and what to do about it. */
export function EmptyState({ title, children, actions }: EmptyStateProps) {
  return (
    <div className="state">
      <h2>{title}</h2>
      <p>{children}</p>
      {actions === undefined ? null : <div className="state-actions">{actions}</div>}
    </div>
  );
}
