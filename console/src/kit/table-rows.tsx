import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";

import type { Column } from "./columns.ts";
import { InRow } from "./id-chip.tsx";

export interface Sort {
  readonly key: string;
  readonly direction: "asc" | "desc";
}

/** Where a virtual row stands and what it answers to. */
export interface RowFrame {
  readonly id: string;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly active: boolean;
  readonly open: boolean;
  readonly onOpen: (() => void) | undefined;
}

interface HeadRowProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly template: string;
  readonly sort: Sort | undefined;
  readonly onSort: ((sort: Sort) => void) | undefined;
}

export function HeadRow<Row>({ columns, template, sort, onSort }: HeadRowProps<Row>) {
  return (
    <div className="dt-head" role="row" style={{ gridTemplateColumns: template }}>
      {columns.map((column) => {
        const sorted = sort !== undefined && sort.key === column.sortKey ? sort.direction : null;
        return (
          <div
            key={column.key}
            role="columnheader"
            className="dt-headcell"
            data-align={column.align}
            aria-sort={sorted === null ? undefined : ARIA_SORT[sorted]}
          >
            {column.sortKey === undefined || onSort === undefined ? (
              column.head
            ) : (
              <SortButton
                column={column}
                sortKey={column.sortKey}
                sorted={sorted}
                onSort={onSort}
              />
            )}
          </div>
        );
      })}
    </div>
  );
}

const ARIA_SORT = { asc: "ascending", desc: "descending" } as const;

interface SortButtonProps<Row> {
  readonly column: Column<Row>;
  readonly sortKey: string;
  readonly sorted: Sort["direction"] | null;
  readonly onSort: (sort: Sort) => void;
}

function SortButton<Row>({ column, sortKey, sorted, onSort }: SortButtonProps<Row>) {
  const Arrow = sorted === "asc" ? IconArrowUp : IconArrowDown;
  return (
    <button
      type="button"
      onClick={() => onSort({ key: sortKey, direction: sorted === "desc" ? "asc" : "desc" })}
    >
      {column.head}
      {sorted === null ? null : <Arrow size={12} aria-hidden />}
    </button>
  );
}

interface RowProps<Row> {
  readonly frame: RowFrame;
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
}

function frameProps(frame: RowFrame) {
  return {
    id: frame.id,
    role: "row",
    "aria-rowindex": frame.index + 2,
    "aria-selected": frame.open,
    "data-active": frame.active || undefined,
    "data-openable": frame.onOpen === undefined ? undefined : true,
    onClick: frame.onOpen,
  } as const;
}

export function WideRow<Row>({
  frame,
  row,
  columns,
  template,
}: RowProps<Row> & { readonly template: string }) {
  return (
    <div
      {...frameProps(frame)}
      className="dt-row"
      style={{ top: frame.top, gridTemplateColumns: template }}
    >
      {columns.map((column) => (
        <div key={column.key} role="gridcell" className="dt-cell" data-align={column.align}>
          <InRow value={frame.onOpen !== undefined}>{column.cell(row)}</InRow>
        </div>
      ))}
    </div>
  );
}

const SLOTS = ["main", "side", "meta", "corner"] as const;

export function PhoneRow<Row>({ frame, row, columns }: RowProps<Row>) {
  return (
    <div
      {...frameProps(frame)}
      className="dt-row dt-row-phone"
      style={{ top: frame.top, height: frame.height }}
    >
      {SLOTS.map((slot) => {
        const column = columns.find((each) => each.phone === slot);
        return (
          <div key={slot} role="gridcell" className="dt-cell" data-slot={slot}>
            <InRow value={frame.onOpen !== undefined}>{column?.cell(row)}</InRow>
          </div>
        );
      })}
    </div>
  );
}
