import type { Operation } from "purser/operation";
import type { ReactNode } from "react";

import { ObjectLink } from "../../app/object-link.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { formatCount, formatMoney, humanize } from "../../kit/format.ts";
import { JsonView } from "../../kit/json-view.tsx";
import { PlainTable } from "../../kit/plain-table.tsx";
import { When } from "../../kit/when.tsx";

type Row = Readonly<Record<string, unknown>>;

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((inner, key) => (isRow(inner) ? inner[key] : undefined), value);
}

/** The answer of any read: as the table that its command line words describe, and whole as JSON. */
export function Answer({
  operation,
  answer,
}: {
  readonly operation: Operation;
  readonly answer: unknown;
}) {
  const { table } = operation.cli;
  const found = table === undefined ? undefined : at(answer, table.rows);
  const rows = Array.isArray(found) ? found.filter(isRow) : [];
  return (
    <>
      {table === undefined || !Array.isArray(found) ? null : rows.length === 0 ? (
        <EmptyState title="Nothing to list">The answer holds no row for this input.</EmptyState>
      ) : (
        <div style={{ marginBottom: 24 }}>
          <PlainTable
            label={operation.title}
            stack
            rows={rows.map((row, index) => ({ row, key: String(index) }))}
            rowKey={({ key }) => key}
            columns={table.columns.map((column) => ({
              head: humanize(column),
              ...(isFigure(rows, column) ? { align: "right" as const } : {}),
              cell: ({ row }: { readonly row: Row }) => cellOf(at(row, column), column),
            }))}
          />
        </div>
      )}
      <JsonView
        label="The whole answer"
        text={JSON.stringify(answer, null, 2)}
        depth={table === undefined ? 4 : 1}
      />
    </>
  );
}

function isFigure(rows: readonly Row[], column: string): boolean {
  return rows.some((row) => {
    const value = at(row, column);
    return typeof value === "number" || (isRow(value) && "minor" in value);
  });
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/u;
const ID = /^(?:\w+:)?[a-z]{2,8}_[A-Za-z0-9_]{6,}$/u;

function cellOf(value: unknown, column: string): ReactNode {
  if (value === null || value === undefined) {
    return <span className="dim">–</span>;
  }
  if (typeof value === "string") {
    if (INSTANT.test(value)) {
      return <When at={value} />;
    }
    return ID.test(value) && /id$|key$/iu.test(column) ? <ObjectLink id={value} /> : value;
  }
  if (typeof value === "number") {
    return formatCount(value);
  }
  if (isRow(value) && typeof value["minor"] === "number" && typeof value["currency"] === "string") {
    return formatMoney(value["minor"], value["currency"]);
  }
  return typeof value === "boolean" ? value ? "yes" : "no" : <code>{JSON.stringify(value)}</code>;
}
