import { useState } from "react";

import { formatCount, formatTime } from "./format.ts";
import { useWidth } from "./media.ts";
import { usePreferences } from "./preferences.ts";
import { linePath } from "./sparkline.tsx";
import type { Tone } from "./status-pill.tsx";

import "./records.css";

export interface Series {
  readonly name: string;
  readonly tone?: Tone;
  /** One value for each moment; null where nothing was measured. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** What is counted, over what, and where it comes from. Every chart has one. */
  readonly definition: string;
  /** Epoch milliseconds, oldest first, evenly spaced. */
  readonly moments: readonly number[];
  readonly series: readonly Series[];
  readonly height?: number;
  readonly format?: (value: number) => string;
}

const LEFT = 44;
const BOTTOM = 18;
const DASHES = ["", "4 3", "1.5 3"];

/** Lines over time from zero up, with their definition, and the same figures as a table. */
export function Chart(props: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  return (
    <figure className="chart">
      <figcaption>
        <h2>{props.title}</h2>
        <span className="chart-definition">{props.definition}</span>
        <button type="button" className="linklike" onClick={() => setAsTable(!asTable)}>
          {asTable ? "Show as a chart" : "Show as a table"}
        </button>
      </figcaption>
      {asTable ? <ChartTable {...props} /> : <Lines {...props} />}
    </figure>
  );
}

const ROUND = [1, 1.6, 2, 3, 4, 5, 6, 8, 10];

/** The next round number above, so that the line uses most of the height. */
function roundUp(value: number): number {
  if (value <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = value / power;
  return (ROUND.find((each) => lead <= each) ?? 10) * power;
}

function Lines({ title, moments, series, height = 120, format = formatCount }: ChartProps) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const { utc } = usePreferences();
  const max = roundUp(Math.max(0, ...series.flatMap((each) => each.values.map((v) => v ?? 0))));
  const box = { width: Math.max(0, width - LEFT - 8), height: height - BOTTOM - 6, max };
  const first = moments[0];
  const last = moments.at(-1);
  return (
    <div ref={ref}>
      <svg height={height} role="img" aria-label={`${title}. The table has the figures.`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part} transform={`translate(0 ${6 + box.height * (1 - part)})`}>
            <line x1={LEFT} x2={LEFT + box.width} stroke="var(--p-line)" />
            <text x={LEFT - 8} y={4} textAnchor="end">
              {format(max * part)}
            </text>
          </g>
        ))}
        <g transform={`translate(${LEFT} 6)`} fill="none" strokeWidth={1.6} strokeLinejoin="round">
          {series.map((each, at) => (
            <path
              key={each.name}
              d={linePath(each.values, box)}
              stroke={each.tone === undefined ? "var(--p-accent)" : `var(--p-${each.tone})`}
              strokeDasharray={DASHES[at % DASHES.length]}
            />
          ))}
        </g>
        {first === undefined || last === undefined ? null : (
          <>
            <text x={LEFT} y={height - 2}>
              {formatTime(first, "short", utc)}
            </text>
            <text x={LEFT + box.width} y={height - 2} textAnchor="end">
              {formatTime(last, "short", utc)}
            </text>
          </>
        )}
      </svg>
      {series.length > 1 ? <Legend series={series} /> : null}
    </div>
  );
}

function Legend({ series }: Pick<ChartProps, "series">) {
  return (
    <div className="chart-legend">
      {series.map((each, at) => (
        <span key={each.name} className="tone-word">
          <svg width={22} height={6} aria-hidden style={{ width: 22 }}>
            <line
              x1={0}
              x2={22}
              y1={3}
              y2={3}
              strokeWidth={2}
              stroke={each.tone === undefined ? "var(--p-accent)" : `var(--p-${each.tone})`}
              strokeDasharray={DASHES[at % DASHES.length]}
            />
          </svg>
          {each.name}
        </span>
      ))}
    </div>
  );
}

function ChartTable({ title, moments, series, format = formatCount }: ChartProps) {
  const { utc } = usePreferences();
  return (
    <table className="plain-table" aria-label={title}>
      <thead>
        <tr>
          <th scope="col">From</th>
          {series.map((each) => (
            <th key={each.name} scope="col" data-align="right">
              {each.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {moments.map((moment, at) => (
          <tr key={moment}>
            <td>{formatTime(moment, "short", utc)}</td>
            {series.map((each) => {
              const value = each.values[at];
              return (
                <td key={each.name} data-align="right">
                  {value === null || value === undefined ? "not measured" : format(value)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
