import { formatMoney } from "#platform/money.ts";
import type { Operation, Preview } from "#platform/operation/operation.ts";

type Row = Readonly<Record<string, unknown>>;

/** What a person reads on the terminal: a table where the operation names its columns, else one fact a line. */
export function renderResult(operation: Operation, result: unknown, width: number): string {
  const table = operation.cli.table;
  if (table !== undefined && isRow(result)) {
    const rows = result[table.rows];
    if (Array.isArray(rows)) {
      const footer = moreLine(result["nextCursor"]);
      const lead =
        operation.cli.lead === undefined ? "" : `${cell(at(result, operation.cli.lead))}\n\n`;
      const told = new Set([table.rows, "nextCursor", operation.cli.lead?.split(".")[0]]);
      const others = Object.entries(result).filter(
        ([key, value]) => !told.has(key) && !isNothing(value),
      );
      const facts = others.length === 0 ? "" : `\n${renderFacts(Object.fromEntries(others))}`;
      return `${lead}${renderTable(rows.filter(isRow), table.columns, width)}${lead === "" ? "" : facts}${footer}${lead === "" ? facts : ""}`;
    }
  }
  return isRow(result) ? renderFacts(result) : `${cell(result)}\n`;
}

function moreLine(cursor: unknown): string {
  return typeof cursor === "string" ? `\nMore: add --cursor ${cursor}\n` : "";
}

/** Columns as wide as their longest cell, cut at the terminal's edge; figures to the right. */
export function renderTable(
  rows: readonly Row[],
  columns: readonly string[],
  width: number,
): string {
  if (rows.length === 0) {
    return "Nothing here.\n";
  }
  const cells = rows.map((row) => columns.map((column) => cell(at(row, column))));
  const heads = columns.map((column) => words(column.replace(/\.(name|id)$/, "")).toUpperCase());
  const widths = columns.map((_, index) =>
    Math.min(
      48,
      Math.max(heads[index]?.length ?? 0, ...cells.map((line) => line[index]?.length ?? 0)),
    ),
  );
  const isFigure = columns.map((column) =>
    rows.every(
      (row) =>
        ["number", "undefined"].includes(typeof at(row, column)) ||
        at(row, column) === null ||
        isMoney(at(row, column)),
    ),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const size = widths[index] ?? 0;
        const short = text.length > size ? `${text.slice(0, size - 1)}…` : text;
        return isFigure[index] === true ? short.padStart(size) : short.padEnd(size);
      })
      .join("  ")
      .trimEnd()
      .slice(0, width);
  return `${[heads, ...cells].map(line).join("\n")}\n`;
}

/** One fact a line; lists of rows become small tables below their name. */
export function renderFacts(facts: Row, indent = ""): string {
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
  const size = Math.max(0, ...entries.map(([key]) => words(key).length));
  return entries
    .map(([key, value]) => {
      if (Array.isArray(value) && value.some(isRow)) {
        const columns = [...new Set(value.filter(isRow).flatMap((row) => Object.keys(row)))].slice(
          0,
          7,
        );
        const rows = renderTable(value.filter(isRow), columns, 200)
          .replaceAll(/^/gm, `${indent}  `)
          .trimEnd();
        return `${indent}${words(key)}:\n${rows}\n`;
      }
      if (isRow(value) && !isMoney(value)) {
        return `${indent}${words(key)}:\n${renderFacts(value, `${indent}  `)}`;
      }
      if (typeof value === "string" && value.trimEnd().includes("\n")) {
        const lines = value
          .trimEnd()
          .split("\n")
          .map((line) => `${indent}  ${cell(line)}\n`);
        return `${indent}${words(key)}:\n${lines.join("")}`;
      }
      return `${indent}${words(key).padEnd(size)}  ${cell(value)}\n`;
    })
    .join("");
}

/** The same preview that the console shows in its dialog. */
export function renderPreview(preview: Preview): string {
  const lines = [preview.summary];
  for (const warning of preview.warnings) {
    lines.push(`  ! ${warning}`);
  }
  for (const { label, minor, currency } of preview.money) {
    lines.push(`  money     ${label}: ${formatMoney({ minor, currency })}`);
  }
  for (const call of preview.calls) {
    lines.push(`  calls     ${call.provider}: ${call.what}`);
  }
  for (const message of preview.messages) {
    lines.push(`  message   ${message.channel} to ${message.to}: ${message.what}`);
  }
  for (const change of preview.changes.slice(0, 20)) {
    lines.push(
      `  changes   ${change.table} ${change.id}  ${renderChange(change.before, change.after)}`,
    );
  }
  if (preview.rows > Math.min(20, preview.changes.length)) {
    lines.push(`  in all    ${preview.rows} rows`);
  }
  return `${lines.join("\n")}\n`;
}

function renderChange(before: Row | null, after: Row | null): string {
  if (before === null || after === null) {
    const [word, row] = before === null ? ["new", after] : ["gone", before];
    return `${word} ${Object.entries(row ?? {})
      .map(([key, value]) => `${key}=${cell(value)}`)
      .join(" ")}`;
  }
  return Object.keys(after)
    .filter((key) => cell(before[key]) !== cell(after[key]))
    .map((key) => `${key}: ${cell(before[key])} -> ${cell(after[key])}`)
    .join(", ");
}

/** `lastRun.outcome` is a field of a field. */
function at(row: Row, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (isRow(value) ? value[name] : undefined), row);
}

/** `stripeSubscriptionId` as people say it: stripe subscription id. */
function words(name: string): string {
  return name
    .replaceAll(".", " ")
    .replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

const BARS = "▁▂▃▄▅▆▇█";

/** A series of figures as one line: its shape is what a terminal can show, its greatest value stands behind it. */
function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  const bars = values.map((value) => BARS.charAt(Math.round((Math.max(0, value) / most) * 7)));
  return `${bars.join("")} (most ${Math.max(0, ...values)})`;
}

function isSeries(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.length > 4 && value.every((each) => typeof each === "number")
  );
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMoney(value: unknown): value is { minor: number; currency: string } {
  return (
    isRow(value) && typeof value["minor"] === "number" && typeof value["currency"] === "string"
  );
}

/** Control characters would let a customer's name rewrite the operator's screen. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const CONTROL = /[\u0000-\u001F\u007F-\u009F]/g;

function cell(value: unknown): string {
  if (value === null || value === undefined) {
    return "-";
  }
  if (isMoney(value)) {
    return formatMoney(value);
  }
  if (Array.isArray(value) && value.length === 0) {
    return "none";
  }
  if (isSeries(value)) {
    return sparkline(value);
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(CONTROL, "·");
}
