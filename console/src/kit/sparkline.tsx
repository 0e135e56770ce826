import { type Tone } from "./status-pill.tsx";

import "./small.css";

interface SparklineProps {
  /** Oldest first; null where nothing was measured, which is drawn as a gap and not as zero. */
  readonly values: readonly (number | null)[];
  /** What the shape shows, in words: read by screen readers and on hover. */
  readonly label: string;
  readonly width?: number;
  readonly height?: number;
  readonly tone?: Tone | undefined;
}

/** Points of a path over a box; gaps start a new stroke. */
export function linePath(
  values: readonly (number | null)[],
  box: { readonly width: number; readonly height: number; readonly max: number },
): string {
  const step = values.length > 1 ? box.width / (values.length - 1) : 0;
  let pen = "M";
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === null) {
      pen = "M";
      continue;
    }
    const y = box.height - (box.max === 0 ? 0 : (value / box.max) * box.height);
    path += `${pen}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  }
  return path;
}

/** A small line from zero to its own maximum; it shows a shape, the number stands beside it. */
export function Sparkline({ values, label, width = 96, height = 20, tone }: SparklineProps) {
  const max = values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const pad = 1.5;
  const box = { width: width - 2 * pad, height: height - 2 * pad, max };
  return (
    <svg
      className="spark"
      width={width}
      height={height}
      role="img"
      aria-label={label}
      data-tone-text={tone}
    >
      <title>{label}</title>
      <g transform={`translate(${pad} ${pad})`}>
        <path
          d={linePath(values, box)}
          fill="none"
          stroke="currentColor"
          strokeWidth={1.4}
          strokeLinejoin="round"
          strokeLinecap="round"
        />
      </g>
    </svg>
  );
}
