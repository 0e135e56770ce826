import { Button } from "@mantine/core";
import { useState } from "react";

import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { FilterBar } from "../../kit/filter-bar.tsx";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { SidePanel } from "../../kit/side-panel.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";

interface Sample {
  readonly id: string;
  readonly name: string;
  readonly paid: boolean;
  readonly minor: number;
}

const ROWS: readonly Sample[] = Array.from({ length: 200 }, (_, at) => ({
  id: `in_1SVq${8_000_000 + at * 7919}LkdIwHu7ix`,
  name: ["Acme Studio", "Bergmann & Sohn", "Café Lumière"][at % 3] ?? "",
  paid: at % 4 !== 0,
  minor: 4900 + at * 137,
}));

const COLUMNS: readonly Column<Sample>[] = [
  { key: "id", head: "Invoice", width: 160, phone: "meta", cell: (row) => <IdChip id={row.id} /> },
  { key: "name", head: "Customer", width: 160, grow: 1, phone: "main", cell: (row) => row.name },
  {
    key: "status",
    head: "Status",
    width: 80,
    phone: "side",
    cell: (row) => (
      <StatusPill tone={row.paid ? "ok" : "warn"}>{row.paid ? "paid" : "open"}</StatusPill>
    ),
  },
  {
    key: "amount",
    head: "Amount",
    width: 110,
    align: "right",
    sortKey: "amount",
    phone: "corner",
    cell: (row) => <Money amountMinor={row.minor} currency="usd" />,
  },
];

const EMPTY = (
  <EmptyState title="No invoice yet" actions={<Button>Look in the inbox</Button>}>
    Invoices appear with the first event that names them.
  </EmptyState>
);

const COMMON = {
  columns: COLUMNS,
  rowKey: (row: Sample) => row.id,
  empty: EMPTY,
  sort: { key: "amount", direction: "desc" },
  onSort: () => undefined,
} as const;

/** The table full, with its panel, loading, empty and failed. */
export function KitTables() {
  const [open, setOpen] = useState<string | null>(null);
  const [waiting, setWaiting] = useState(12);
  return (
    <>
      <FilterBar
        search={{ key: "q", placeholder: "Search invoices" }}
        filters={[
          {
            key: "status",
            label: "Status",
            choices: [
              { value: "paid", label: "Paid" },
              { value: "open", label: "Open" },
            ],
          },
        ]}
      />
      <div className="kit-box" style={{ height: 360, overflow: "visible" }}>
        <DataTable
          {...COMMON}
          label="Full"
          rows={ROWS}
          status="ready"
          hasMore
          openKey={open}
          onOpen={setOpen}
          waiting={{ count: waiting, more: false, show: () => setWaiting(0) }}
        />
        {open === null ? null : (
          <SidePanel label="Invoice" title="Invoice" onClose={() => setOpen(null)}>
            <IdChip id={open} keep={40} />
          </SidePanel>
        )}
      </div>
      <div className="kit-halves">
        <div className="kit-box">
          <DataTable {...COMMON} label="Loading" rows={[]} status="loading" />
        </div>
        <div className="kit-box">
          <DataTable {...COMMON} label="Empty" rows={[]} status="ready" />
        </div>
        <div className="kit-box">
          <DataTable
            {...COMMON}
            label="Failed"
            rows={[]}
            status="error"
            failure={{ title: "Purser does not answer.", requestId: "req_01jd8m3k2x" }}
            onRetry={() => undefined}
          />
        </div>
      </div>
    </>
  );
}
