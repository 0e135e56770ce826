import type { Size } from "./bench.ts";
import type { Figure } from "./figures.ts";
import { type Machine, machineLines } from "./machine.ts";

const HEAD = [
  "row",
  "work",
  "beside it",
  "must",
  "aim",
  "measured: median (min-max)",
  "verdict",
] as const;

function cells(figure: Figure): readonly string[] {
  const { row, work, beside, must, aim, measured, verdict } = figure;
  return [row, work, beside, must, aim, measured, verdict === "told" ? "" : verdict];
}

/** Bars first, circumstances last. */
function ordered(figures: readonly Figure[]): readonly Figure[] {
  return [
    ...figures.filter((each) => each.verdict !== "told"),
    ...figures.filter((each) => each.verdict === "told"),
  ];
}

/** For a terminal: one block a figure would hide the comparison, so long texts are left long and only short columns align. */
export function table(figures: readonly Figure[]): string {
  return ordered(figures)
    .map((figure) => {
      const bars = [
        figure.must === "" ? "" : `must ${figure.must}`,
        figure.aim === "" ? "" : `aim ${figure.aim}`,
      ];
      const beside =
        figure.beside === "" || figure.beside === "-" ? "" : `, beside ${figure.beside}`;
      const said = bars.filter((each) => each !== "").join(", ");
      const mark = figure.verdict === "told" ? "" : figure.verdict;
      return `${figure.row.padStart(3)}  ${mark.padEnd(8)} ${figure.work}${beside}\n${" ".repeat(14)}${figure.measured}${said === "" ? "" : `   [${said}]`}`;
    })
    .join("\n");
}

function markdown(rows: readonly (readonly string[])[], head: readonly string[]): string {
  const line = (values: readonly string[]): string =>
    `| ${values.map((each) => each.replaceAll("|", "/")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const SIZES: Readonly<Record<Size, string>> = {
  quick: "`npm run bench -- --quick`: few and short rounds, a first impression",
  default: "`npm run bench`",
  full: "`npm run bench -- --full`",
};

/** docs/reference/benchmarks.md. Machine facts, no paths. */
export function page(run: {
  readonly size: Size;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}): string {
  const barred = run.figures.filter((each) => each.verdict !== "told");
  const told = run.figures.filter((each) => each.verdict === "told");
  const missed = barred.filter(
    (each) => each.verdict === "missed" || each.verdict === "broken",
  ).length;
  return `# Benchmarks

Written by ${SIZES[run.size]}. Do not edit: run it.

${machineLines(run.machine)
  .map((line) => `- ${line}`)
  .join("\n")}

Every figure is taken on one machine, with the load, the peers and Postgres on the same cores. Purser runs as it
does in production: \`purser intake\`, \`purser work\` and \`npm start\` are the processes measured, with row-level
security, separate database roles and audit. Peers run in the same run on the same cluster, in turns with Purser
(A B A B ...), so that what the machine does to one it does to the other: trust the ratios, not the rates. Each
ratio is the median over the turns, with the lowest and the highest. Events are Stripe's subscription and invoice
events of about 3 KB over 2,000 customers, made and signed by another process before the clock runs.

${missed === 0 ? `All ${barred.length} bars are met.` : `${missed} of ${barred.length} bars are not met.`} "must" is the bar, "aim" the goal.

${markdown(barred.map(cells), HEAD)}

## Limits and circumstances

${markdown(
  told.map((each) => [each.row, each.work, each.measured]),
  ["row", "what", "measured"],
)}

## How the peers run

- \`@supabase/stripe-sync-engine\` 0.48.5: its CommonJS build, pool of 20, no list expansion and no backfill (no call
  leaves the machine). It has no inbox: its answer is its projection.
- \`graphile-worker\` 0.18.0, tuned: local queue of 2,000, 24 jobs at once, completions batched, pool of 20. Its
  defaults: no local queue, no batching, 10 jobs at once. One upsert with a version guard per event.
- \`pg-boss\` 12.35.0: fetch 500, fold to the newest of each object, one upsert a table, complete 500; statistics
  refreshed before, without which its fetch falls to a fraction.
- The projection of the queues writes two narrow tables. Purser's writes the whole record: organizations,
  subscriptions, invoices, their history, outcomes.
- Purser's tables are analyzed once after the first 14,000 events, as autovacuum does by itself within seconds.
- Redis: INCR over loopback by 64 connections, \`appendfsync always\`; Purser's quota engine is called in process.
`;
}
