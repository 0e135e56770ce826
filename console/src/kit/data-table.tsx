import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useState } from "react";

import { Bone } from "./bones.tsx";
import { type Column, fittingColumns, tracks } from "./columns.ts";
import { type Failure, ErrorState } from "./error-state.tsx";
import { formatCount } from "./format.ts";
import { useKeys } from "./keys.ts";
import { usePhone, useWidth } from "./media.ts";
import { HeadRow, PhoneRow, type Sort, WideRow } from "./table-rows.tsx";
import { When } from "./when.tsx";

import "./data-table.css";

const ROW_PX = 24;
const PHONE_ROW_PX = 60;
const HEAD_PX = 26;
const MORE_BEFORE_END = 20;

interface DataTableProps<Row> {
  /** What the table lists, for screen readers ("Events"). */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly status: "loading" | "error" | "ready";
  readonly failure?: Failure | undefined;
  readonly onRetry?: (() => void) | undefined;
  /** Set when the rows are old because asking again failed. */
  readonly stale?: { readonly atMs: number; readonly why: string } | undefined;
  readonly empty: ReactNode;
  /** Key of the row whose panel is open. */
  readonly openKey?: string | null;
  readonly onOpen?: (key: string, how: "push" | "replace") => void;
  readonly sort?: Sort | undefined;
  readonly onSort?: ((sort: Sort) => void) | undefined;
  readonly hasMore?: boolean;
  readonly onMore?: () => void;
  /** Rows that arrived since and wait, so that nothing moves under the cursor. */
  readonly waiting?:
    | { readonly count: number; readonly more: boolean; readonly show: () => void }
    | undefined;
}

/**
 * The list of everything. Rows are virtual and of one height; j/k (or arrows) move, Enter opens, and while a panel is
 * open moving takes the panel along. It never re-orders by itself.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, rows, status } = props;
  const phone = usePhone();
  const { ref, width } = useWidth<HTMLDivElement>();
  const rowPx = phone ? PHONE_ROW_PX : ROW_PX;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => ref.current,
    estimateSize: () => rowPx,
    overscan: 16,
    scrollPaddingStart: HEAD_PX + 8,
  });
  useEffect(() => virtual.measure(), [rowPx, virtual]);
  const cursor = useCursor(props, virtual);
  const baseId = useId();
  const shown = phone ? columns : fittingColumns(columns, width);
  const template = tracks(shown);
  useMore(props, virtual);

  const full = status === "ready" && rows.length > 0;
  const head = phone ? null : (
    <HeadRow columns={shown} template={template} sort={props.sort} onSort={props.onSort} />
  );
  return (
    <>
      <Waiting waiting={props.waiting} />
      <div ref={ref} className="dt" aria-busy={status === "loading"}>
        {props.stale === undefined ? null : (
          <p className="banner" data-tone="warn" role="status">
            <span>
              This is from <When at={props.stale.atMs} />: {props.stale.why}
            </span>
          </p>
        )}
        {full ? null : <div inert>{head}</div>}
        {status === "loading" ? <LoadingRows columns={shown} template={template} /> : null}
        {status === "error" && props.failure !== undefined ? (
          <ErrorState failure={props.failure} onRetry={props.onRetry} />
        ) : null}
        {status === "ready" && rows.length === 0 ? props.empty : null}
        {full ? (
          <div
            className="dt-grid"
            role="grid"
            aria-label={props.label}
            aria-rowcount={props.hasMore === true ? -1 : rows.length + 1}
            aria-activedescendant={
              cursor.active === null ? undefined : `${baseId}-${cursor.active}`
            }
            tabIndex={0}
            onKeyDown={cursor.onKeyDown}
          >
            {head}
            <div className="dt-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
              {virtual.getVirtualItems().map((item) => {
                const row = rows[item.index];
                if (row === undefined) {
                  return null;
                }
                const key = props.rowKey(row);
                const frame = {
                  id: `${baseId}-${item.index}`,
                  index: item.index,
                  top: item.start,
                  height: rowPx,
                  active: cursor.active === item.index,
                  open: props.openKey === key,
                  onOpen: props.onOpen === undefined ? undefined : () => cursor.open(item.index),
                };
                return phone ? (
                  <PhoneRow key={key} frame={frame} row={row} columns={columns} />
                ) : (
                  <WideRow key={key} frame={frame} row={row} columns={shown} template={template} />
                );
              })}
            </div>
          </div>
        ) : null}
        {full ? <Foot count={rows.length} hasMore={props.hasMore === true} /> : null}
      </div>
    </>
  );
}

function Foot({ count, hasMore }: { readonly count: number; readonly hasMore: boolean }) {
  if (count === 0) {
    return null;
  }
  return (
    <p className="dt-foot">
      {hasMore ? `${formatCount(count)} loaded, more below` : `${formatCount(count)} in all`}
    </p>
  );
}

function useMore<Row>(
  { rows, hasMore, onMore }: DataTableProps<Row>,
  virtual: Virtualizer<HTMLDivElement, Element>,
): void {
  const lastShown = virtual.getVirtualItems().at(-1)?.index ?? -1;
  const near = hasMore === true && rows.length > 0 && lastShown >= rows.length - MORE_BEFORE_END;
  useEffect(() => {
    if (near) {
      onMore?.();
    }
  }, [near, onMore]);
}

function useCursor<Row>(
  { rows, rowKey, openKey, onOpen }: DataTableProps<Row>,
  virtual: Virtualizer<HTMLDivElement, Element>,
) {
  const [activeKey, setActiveKey] = useState<string | null>(openKey ?? null);
  const found = activeKey === null ? -1 : rows.findIndex((row) => rowKey(row) === activeKey);
  const active = found === -1 ? null : found;
  const open = (index: number) => {
    const row = rows[index];
    if (row !== undefined) {
      setActiveKey(rowKey(row));
      onOpen?.(rowKey(row), "push");
    }
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (row === undefined) {
      return;
    }
    setActiveKey(rowKey(row));
    virtual.scrollToIndex(index, { align: "auto" });
    if (openKey !== null && openKey !== undefined) {
      onOpen?.(rowKey(row), "replace");
    }
  };
  const step = (by: number) => move(active === null ? (by > 0 ? 0 : rows.length - 1) : active + by);
  const group = "Lists";
  useKeys([
    { keys: "j", label: "Next row", group, run: () => step(1) },
    { keys: "k", label: "Previous row", group, run: () => step(-1) },
  ]);
  const page = 20;
  const moves: Readonly<Record<string, () => void>> = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    PageDown: () => step(page),
    PageUp: () => step(-page),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    Enter: () => open(active ?? 0),
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const act = event.target === event.currentTarget ? moves[event.key] : undefined;
    if (act !== undefined && rows.length > 0) {
      event.preventDefault();
      act();
    }
  };
  useKeys([
    {
      keys: "Enter",
      label: onOpen === undefined ? "" : "Open the row",
      group,
      run: (event) => {
        if (active !== null && event.target === document.body) {
          open(active);
        }
      },
    },
  ]);
  return { active, open, onKeyDown };
}

function Waiting<Row>({ waiting }: Pick<DataTableProps<Row>, "waiting">) {
  if (waiting === undefined || waiting.count === 0) {
    return null;
  }
  return (
    <div className="dt-new">
      <button type="button" onClick={waiting.show}>
        {formatCount(waiting.count)}
        {waiting.more ? "+" : ""} new
      </button>
    </div>
  );
}

const LOADING_ROWS = 18;

function LoadingRows<Row>({
  columns,
  template,
}: {
  readonly columns: readonly Column<Row>[];
  readonly template: string;
}) {
  return (
    <div
      role="status"
      aria-label="Loading"
      className="dt-body"
      style={{ height: LOADING_ROWS * ROW_PX }}
    >
      {Array.from({ length: LOADING_ROWS }, (_, index) => (
        <div
          key={index}
          className="dt-row"
          aria-hidden
          style={{ top: index * ROW_PX, gridTemplateColumns: template }}
        >
          {columns.map((column, at) => (
            <span key={column.key} className="dt-cell">
              <Bone at={index * 3 + at} />
            </span>
          ))}
        </div>
      ))}
    </div>
  );
}
