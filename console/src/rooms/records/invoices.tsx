import { type InvoiceRow, invoicesList, invoicesShow } from "purser/contract/billing";
import { Link } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation, usePages } from "../../app/queries.ts";
import { moneyTone, plain } from "../../app/words.ts";
import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import type { Filter } from "../../kit/filter-bar.tsx";
import { Money } from "../../kit/money.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { When } from "../../kit/when.tsx";
import { NoRecords, RecordFilters, useRecordFilters, withoutUnknown } from "./by-customer.tsx";
import { InvoiceOverview } from "./invoice-page.tsx";
import { RecordPanel } from "./record-panel.tsx";

const FILTERS: readonly Filter[] = [
  {
    key: "status",
    label: "Status",
    choices: [
      { value: "open", label: "Open (unpaid)" },
      { value: "uncollectible", label: "Uncollectible" },
      { value: "draft", label: "Draft" },
      { value: "paid", label: "Paid" },
      { value: "void", label: "Void" },
    ],
  },
];

const DASH = <span className="dim">–</span>;

const COLUMNS: readonly Column<InvoiceRow>[] = [
  {
    key: "number",
    head: "Invoice",
    width: 150,
    dropAt: 1,
    phone: "meta",
    cell: (row) => <span className="mono">{row.number ?? row.stripeInvoiceId}</span>,
  },
  {
    key: "customer",
    head: "Customer",
    width: 150,
    grow: 1,
    phone: "main",
    cell: (row) => row.organizationName,
  },
  {
    key: "status",
    head: "Status",
    width: 112,
    phone: "side",
    cell: (row) => <StatusPill tone={moneyTone(row.status)}>{plain(row.status)}</StatusPill>,
  },
  {
    key: "total",
    head: "Total",
    width: 112,
    align: "right",
    phone: "corner",
    cell: (row) => <Money amountMinor={row.total.minor} currency={row.total.currency} />,
  },
  {
    key: "open",
    head: "Still open",
    width: 112,
    align: "right",
    dropAt: 3,
    cell: (row) =>
      row.amountRemaining.minor === 0 ? (
        DASH
      ) : (
        <Money amountMinor={row.amountRemaining.minor} currency={row.amountRemaining.currency} />
      ),
  },
  {
    key: "tries",
    head: "Tries",
    width: 46,
    align: "right",
    dropAt: 5,
    cell: (row) => (row.attemptCount === 0 ? DASH : row.attemptCount),
  },
  {
    key: "next",
    head: "Next try",
    width: 96,
    align: "right",
    dropAt: 4,
    cell: (row) => <When at={row.nextPaymentAttempt} />,
  },
  {
    key: "due",
    head: "Due",
    width: 92,
    align: "right",
    dropAt: 6,
    cell: (row) => <When at={row.dueAt} as="day" />,
  },
  {
    key: "made",
    head: "Made",
    width: 92,
    align: "right",
    dropAt: 2,
    cell: (row) => <When at={row.createdAt} as="day" />,
  },
];

/** Every invoice, newest first; unpaid ones by one filter. */
export function Invoices() {
  const url = useUrlState();
  const open = url.get("invoice");
  const filters = useRecordFilters(FILTERS);
  const { table } = usePages(invoicesList, filters);
  return (
    <Page
      title="Invoices"
      sentence={
        url.get("status") === null ? <Link href="/invoices?status=open">Unpaid</Link> : undefined
      }
    >
      <RecordFilters filters={FILTERS} />
      <div className="page-split">
        <DataTable
          label="Invoices"
          columns={COLUMNS}
          rowKey={(row) => row.stripeInvoiceId}
          {...withoutUnknown(table)}
          openKey={open}
          onOpen={(key, how) => url.set({ invoice: key }, how)}
          empty={<NoRecords noun="invoices" href="/invoices" />}
        />
        {open === null ? null : (
          <InvoicePanel key={open} id={open} onClose={() => url.set({ invoice: null })} />
        )}
      </div>
    </Page>
  );
}

function InvoicePanel({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const invoice = useOperation(invoicesShow, { id });
  return (
    <RecordPanel
      label="Invoice"
      title={`Invoice ${invoice.data?.number ?? ""}`.trim()}
      href={`/invoices/${encodeURIComponent(id)}`}
      onClose={onClose}
    >
      <Load query={invoice} label="Loading the invoice" lines={12}>
        {(data) => (
          <>
            <p style={{ marginBottom: 10 }}>
              <Link href={`/customers/${data.organizationId}`}>{data.organizationName}</Link>
            </p>
            <InvoiceOverview row={data} />
          </>
        )}
      </Load>
    </RecordPanel>
  );
}
