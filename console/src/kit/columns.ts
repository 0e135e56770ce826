import type { ReactNode } from "react";

export interface Column<Row> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  /** The least width in pixels; `grow` shares what is left. */
  readonly width: number;
  readonly grow?: number;
  /** Figures stand right, so that their digits line up. */
  readonly align?: "right";
  /** When room gets short, columns with the highest number go first; without one a column stays. */
  readonly dropAt?: number;
  /** Where the column stands in the two-line row of a phone; without one it is not shown there. */
  readonly phone?: "main" | "side" | "meta" | "corner";
  /** The address's word for sorting by this column. */
  readonly sortKey?: string;
}

const GAP_PX = 14;
const EDGE_PX = 32;

function widthOf<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, column) => sum + column.width + GAP_PX, EDGE_PX);
}

/** The columns that fit into `width` pixels, the least needed ones left out. Width 0 means not measured yet. */
export function fittingColumns<Row>(
  columns: readonly Column<Row>[],
  width: number,
): readonly Column<Row>[] {
  const worst = Math.max(...columns.map((column) => column.dropAt ?? 0));
  if (width === 0 || worst === 0 || widthOf(columns) <= width) {
    return columns;
  }
  return fittingColumns(
    columns.filter((column) => (column.dropAt ?? 0) !== worst),
    width,
  );
}

/** CSS grid tracks. */
export function tracks<Row>(columns: readonly Column<Row>[]): string {
  return columns
    .map((column) =>
      column.grow === undefined
        ? `${column.width}px`
        : `minmax(${column.width}px, ${column.grow}fr)`,
    )
    .join(" ");
}
