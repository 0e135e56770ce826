import type { ReactNode } from "react";
import { useEffect } from "react";

import "./page.css";

interface PageProps {
  readonly title: string;
  /** One plain sentence on what is seen here now. */
  readonly sentence?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** Heading, a sentence, buttons; then whatever the room shows. Also names the browser's tab. */
export function Page({ title, sentence, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Purser`;
  }, [title]);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{title}</h1>
        {sentence === undefined ? null : <p className="page-sentence">{sentence}</p>}
        {actions === undefined ? null : <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
