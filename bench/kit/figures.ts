export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** Ratio of each interleaved pair: noise of the machine that lasts longer than a pair cancels out. */
export function ratios(ours: readonly number[], theirs: readonly number[]): Spread {
  return spreadOf(
    ours.flatMap((value, index) => {
      const other = theirs[index];
      return other === undefined || other === 0 ? [] : [value / other];
    }),
  );
}

export function short(value: number): string {
  if (!Number.isFinite(value)) {
    return "-";
  }
  const size = Math.abs(value);
  if (size >= 10_000) {
    return `${(value / 1000).toFixed(1)} k`;
  }
  if (size >= 1_000) {
    return `${(value / 1000).toFixed(2)} k`;
  }
  return size >= 100 ? value.toFixed(0) : value.toPrecision(size >= 10 ? 3 : 2);
}

export function showSpread(spread: Spread, unit = ""): string {
  const range = spread.min === spread.max ? "" : ` (${short(spread.min)}-${short(spread.max)})`;
  return `${short(spread.median)}${unit}${range}`;
}

export type Verdict = "aim" | "must" | "missed" | "told" | "not run" | "broken";

/** One line of the table. `told` is a limit or a circumstance without a bar of its own. */
export interface Figure {
  readonly row: string;
  readonly work: string;
  readonly beside: string;
  readonly must: string;
  readonly aim: string;
  readonly measured: string;
  readonly verdict: Verdict;
}

export interface Bar {
  readonly must: number;
  readonly aim: number | null;
  /** Whether more or less is better. */
  readonly better: "more" | "less";
  readonly unit: string;
}

export function judge(value: number, bar: Bar): Verdict {
  const meets = (limit: number): boolean =>
    bar.better === "more" ? value >= limit : value <= limit;
  if (!Number.isFinite(value)) {
    return "broken";
  }
  if (bar.aim !== null && meets(bar.aim)) {
    return "aim";
  }
  if (meets(bar.must)) {
    return bar.aim === null ? "aim" : "must";
  }
  return "missed";
}

export function barText(bar: Bar, limit: number | null): string {
  return limit === null ? "" : `${bar.better === "more" ? ">=" : "<="} ${limit}${bar.unit}`;
}

export function figure(
  line: {
    readonly row: string;
    readonly work: string;
    readonly beside: string;
    readonly detail?: string;
  },
  spread: Spread,
  bar: Bar,
): Figure {
  const detail = line.detail === undefined ? "" : `; ${line.detail}`;
  return {
    row: line.row,
    work: line.work,
    beside: line.beside,
    must: barText(bar, bar.must),
    aim: barText(bar, bar.aim),
    measured: `${showSpread(spread, bar.unit)}${detail}`,
    verdict: judge(spread.median, bar),
  };
}

export function told(row: string, work: string, measured: string): Figure {
  return { row, work, beside: "", must: "", aim: "", measured, verdict: "told" };
}

export function notRun(row: string, work: string, why: string): Figure {
  return { row, work, beside: "", must: "", aim: "", measured: why, verdict: "not run" };
}
