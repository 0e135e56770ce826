import { type ReactNode, useEffect, useRef, useState } from "react";

import "./records.css";

export interface PlainColumn<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  readonly align?: "right";
  /** Left out on a phone. */
  readonly wideOnly?: boolean;
}

interface PlainTableProps<Row> {
  readonly label: string;
  readonly columns: readonly PlainColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** On a phone each row becomes a block of names and values; otherwise the table scrolls sideways there. */
  readonly stack?: boolean;
}

const EDGE_PX = 4;

/** A short table within a page: no scrolling of its own, no keys. Longer lists are a DataTable. */
export function PlainTable<Row>(props: PlainTableProps<Row>) {
  const { label, columns, rows, rowKey, stack = false } = props;
  const { ref, more } = useMoreAside();
  return (
    <div className="plain-frame" data-more={more || undefined}>
      <div ref={ref} className="plain-scroll">
        <table className="plain-table" aria-label={label} data-stack={stack || undefined}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.head}
                  scope="col"
                  data-align={column.align}
                  data-wide={column.wideOnly}
                >
                  {column.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={rowKey(row)}>
                {columns.map((column) => (
                  <td
                    key={column.head}
                    data-align={column.align}
                    data-wide={column.wideOnly}
                    data-head={column.head}
                  >
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more ? <p className="plain-more">Scroll sideways for more columns →</p> : null}
    </div>
  );
}

/** Whether a part of the table lies beyond the right edge: it is then said, because nothing else shows it on a phone. */
function useMoreAside() {
  const ref = useRef<HTMLDivElement>(null);
  const [more, setMore] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (element === null) {
      return;
    }
    const look = () =>
      setMore(element.scrollWidth - element.clientWidth - element.scrollLeft > EDGE_PX);
    const observer = new ResizeObserver(look);
    observer.observe(element);
    for (const child of element.children) {
      observer.observe(child);
    }
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  return { ref, more };
}
