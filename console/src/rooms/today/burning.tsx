import type { TodayView } from "purser/contract/watch";
import type { ReactNode } from "react";
import { Link } from "wouter";

import { Chart } from "../../kit/chart.tsx";
import { Section } from "../../kit/facts.tsx";
import { formatCount, formatDuration, humanize } from "../../kit/format.ts";
import { PlainTable } from "../../kit/plain-table.tsx";
import { Sparkline } from "../../kit/sparkline.tsx";
import { StatusPill, type Tone } from "../../kit/status-pill.tsx";

type Lane = TodayView["lanes"][number];

const LEVEL_WORDS: Readonly<Record<Tone, string>> = {
  ok: "fine",
  warn: "late",
  fail: "failing",
  unknown: "unknown",
  held: "paused",
  neutral: "at rest",
};

const LANE_COLUMNS = [
  {
    head: "Lane",
    cell: (lane: Lane) => <Link href={`/inbox?lane=${lane.lane}`}>{humanize(lane.name)}</Link>,
  },
  {
    head: "State",
    cell: (lane: Lane) => <StatusPill tone={lane.level}>{LEVEL_WORDS[lane.level]}</StatusPill>,
  },
  { head: "Wait", align: "right" as const, cell: (lane: Lane) => formatCount(lane.waiting) },
  {
    head: "Oldest",
    align: "right" as const,
    cell: (lane: Lane) =>
      lane.oldestAgeSeconds === null ? (
        <span className="dim">–</span>
      ) : (
        formatDuration(lane.oldestAgeSeconds * 1000)
      ),
  },
  {
    head: "In / min",
    wideOnly: true,
    align: "right" as const,
    cell: (lane: Lane) => formatCount(Math.round(lane.arrivedPerMinute)),
  },
  {
    head: "Out / min",
    wideOnly: true,
    align: "right" as const,
    cell: (lane: Lane) => formatCount(Math.round(lane.servedPerMinute)),
  },
  {
    head: "Empty in",
    wideOnly: true,
    align: "right" as const,
    cell: (lane: Lane) =>
      lane.drainSeconds === null ? (
        <span className="dim">–</span>
      ) : (
        formatDuration(lane.drainSeconds * 1000)
      ),
  },
];

/** Age of the oldest event by lane, failures, and the shapes behind them. */
export function Burning({ view }: { readonly view: TodayView }) {
  const { failures, series } = view;
  const startMs = Date.parse(series.startsAt);
  return (
    <>
      <Section title="Backlog" side={<Link href="/inbox">All events</Link>}>
        <div className="today-lanes">
          <PlainTable
            label="Backlog by lane"
            columns={LANE_COLUMNS}
            rows={view.lanes}
            rowKey={(lane) => String(lane.lane)}
          />
        </div>
      </Section>
      <Section title="Failures" side={`The last ${failures.windowMinutes} minutes`}>
        <div className="today-multiples">
          <Figure
            name="Events taken in"
            value={formatCount(failures.received)}
            note={`${formatCount(failures.refusedSignatures)} refused ${failures.refusedSignatures === 1 ? "signature" : "signatures"}`}
          >
            <Sparkline values={series.arrivals} label="Events taken in, by minute" />
          </Figure>
          <Figure
            name="Events failed"
            value={formatCount(failures.failed + failures.quarantined + failures.dead)}
            note={`${(failures.failureRate * 100).toFixed(1)} % of what was finished`}
          >
            <Sparkline values={series.failures} label="Failures, by minute" tone="fail" />
          </Figure>
          <Figure
            name="Payments failed"
            value={formatCount(failures.paymentFailures)}
            note={`${formatCount(failures.dead)} events given up, ${formatCount(failures.quarantined)} quarantined`}
          >
            <Sparkline
              values={series.paymentFailures}
              label="Payment failures, by minute"
              tone="warn"
            />
          </Figure>
        </div>
      </Section>
      <Section title="The last hour">
        <Chart
          title="Events"
          definition="Taken in and failed, by minute; the last minute still runs."
          moments={series.arrivals.map((_, at) => startMs + at * series.stepSeconds * 1000)}
          series={[
            { name: "taken in", values: series.arrivals },
            { name: "failed", tone: "fail", values: series.failures },
          ]}
        />
      </Section>
    </>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly children: ReactNode;
}

function Figure({ name, value, note, children }: FigureProps) {
  return (
    <dl className="figure">
      <dt>{name}</dt>
      <dd>
        {value} {children}
      </dd>
      <dd>
        <small>{note}</small>
      </dd>
    </dl>
  );
}
