import { Fragment, type ReactNode } from "react";

import "./small.css";

/** Names and values of one thing, in two quiet columns. */
export function Facts({
  rows,
}: {
  readonly rows: readonly (readonly [name: string, value: ReactNode])[];
}) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

interface SectionProps {
  readonly title: string;
  readonly side?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page: a line and a heading, no box. */
export function Section({ title, side, children }: SectionProps) {
  return (
    <section className="section" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {side === undefined ? null : <div className="section-side">{side}</div>}
      </header>
      {children}
    </section>
  );
}
