import { type PaymentRow, paymentsList } from "purser/contract/billing";
import { Link } from "wouter";

import { ObjectLink } from "../../app/object-link.tsx";
import { usePages } from "../../app/queries.ts";
import { moneyTone, plain } from "../../app/words.ts";
import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import type { Filter } from "../../kit/filter-bar.tsx";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";
import { NoRecords, RecordFilters, useRecordFilters, withoutUnknown } from "./by-customer.tsx";

const FILTERS: readonly Filter[] = [
  {
    key: "status",
    label: "Status",
    choices: ["succeeded", "failed", "processing", "requires_payment_method", "canceled"].map(
      (value) => ({ value, label: humanize(value) }),
    ),
  },
];

const DASH = <span className="dim">–</span>;

const COLUMNS: readonly Column<PaymentRow>[] = [
  {
    key: "customer",
    head: "Customer",
    width: 150,
    grow: 1,
    phone: "main",
    cell: (row) =>
      row.organizationId === null ? (
        DASH
      ) : (
        <Link href={`/customers/${row.organizationId}`}>
          {row.organizationName ?? row.organizationId}
        </Link>
      ),
  },
  {
    key: "status",
    head: "Status",
    width: 186,
    phone: "side",
    cell: (row) => (
      <StatusPill tone={row.disputed ? "fail" : moneyTone(row.status)}>
        {row.disputed ? "disputed" : plain(row.status)}
      </StatusPill>
    ),
  },
  {
    key: "why",
    head: "Why not",
    width: 150,
    grow: 1,
    dropAt: 3,
    phone: "meta",
    cell: (row) => row.failureMessage ?? row.failureCode ?? DASH,
  },
  {
    key: "amount",
    head: "Amount",
    width: 112,
    align: "right",
    phone: "corner",
    cell: (row) => <Money amountMinor={row.amount.minor} currency={row.amount.currency} />,
  },
  {
    key: "refunded",
    head: "Refunded",
    width: 112,
    align: "right",
    dropAt: 5,
    cell: (row) =>
      row.amountRefunded.minor === 0 ? (
        DASH
      ) : (
        <Money amountMinor={row.amountRefunded.minor} currency={row.amountRefunded.currency} />
      ),
  },
  {
    key: "invoice",
    head: "Invoice",
    width: 150,
    dropAt: 4,
    cell: (row) =>
      row.stripeInvoiceId === null ? DASH : <ObjectLink id={row.stripeInvoiceId} keep={16} />,
  },
  {
    key: "id",
    head: "Id",
    width: 150,
    dropAt: 6,
    cell: (row) => <IdChip id={row.stripePaymentId} keep={16} />,
  },
  {
    key: "made",
    head: "Made",
    width: 96,
    align: "right",
    dropAt: 1,
    cell: (row) => <When at={row.createdAt} past />,
  },
];

/** Every payment, newest first; its customer and its invoice are a click away. */
export function Payments() {
  const { table } = usePages(paymentsList, useRecordFilters(FILTERS));
  return (
    <Page title="Payments">
      <RecordFilters filters={FILTERS} />
      <div className="page-split">
        <DataTable
          label="Payments"
          columns={COLUMNS}
          rowKey={(row) => row.stripePaymentId}
          {...withoutUnknown(table)}
          empty={<NoRecords noun="payments" href="/payments" />}
        />
      </div>
    </Page>
  );
}
