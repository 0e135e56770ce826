import type {
  CustomerDetail,
  InvoiceRow,
  PaymentRow,
  SubscriptionRow,
} from "purser/contract/billing";
import { Link } from "wouter";

import { ObjectLink } from "../../app/object-link.tsx";
import { moneyTone, plain, subscriptionTone } from "../../app/words.ts";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { type PlainColumn, PlainTable } from "../../kit/plain-table.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";
import { nextStep } from "../records/next-step.ts";

const SUBSCRIPTIONS: readonly PlainColumn<SubscriptionRow>[] = [
  {
    head: "Subscription",
    cell: (row) => <ObjectLink id={row.stripeSubscriptionId} keep={20} />,
  },
  {
    head: "Status",
    cell: (row) => (
      <StatusPill tone={row.paused ? "held" : subscriptionTone(row.status)}>
        {row.paused ? `${plain(row.status)}, paused` : plain(row.status)}
      </StatusPill>
    ),
  },
  {
    head: "Tier",
    wideOnly: true,
    cell: (row) => (row.tier === null ? "not mapped" : humanize(row.tier)),
  },
  {
    head: "Amount",
    align: "right",
    cell: (row) => (
      <>
        <Money amountMinor={row.amount?.minor} currency={row.amount?.currency} />{" "}
        <span className="dim">{row.billingCycle}</span>
      </>
    ),
  },
  {
    head: "Then",
    align: "right",
    cell: (row) => (
      <>
        {nextStep(row)} <When at={row.cancelAt ?? row.endedAt ?? row.currentPeriodEnd} as="day" />
      </>
    ),
  },
];

export function SubscriptionTable({ rows }: { readonly rows: readonly SubscriptionRow[] }) {
  if (rows.length === 0) {
    return <p className="dim">Never had one.</p>;
  }
  return (
    <PlainTable
      label="Subscriptions"
      columns={SUBSCRIPTIONS}
      rows={rows}
      rowKey={(row) => row.id}
    />
  );
}

const INVOICES: readonly PlainColumn<InvoiceRow>[] = [
  {
    head: "Invoice",
    cell: (row) => (
      <Link className="mono" href={`/invoices/${row.stripeInvoiceId}`}>
        {row.number ?? row.stripeInvoiceId}
      </Link>
    ),
  },
  {
    head: "Status",
    cell: (row) => <StatusPill tone={moneyTone(row.status)}>{plain(row.status)}</StatusPill>,
  },
  {
    head: "Total",
    align: "right",
    cell: (row) => <Money amountMinor={row.total.minor} currency={row.total.currency} />,
  },
  {
    head: "Open",
    wideOnly: true,
    align: "right",
    cell: (row) =>
      row.amountRemaining.minor === 0 ? (
        <span className="dim">–</span>
      ) : (
        <Money amountMinor={row.amountRemaining.minor} currency={row.amountRemaining.currency} />
      ),
  },
  { head: "Made", align: "right", cell: (row) => <When at={row.createdAt} as="day" /> },
];

export function InvoiceTable({ rows }: { readonly rows: readonly InvoiceRow[] }) {
  if (rows.length === 0) {
    return <p className="dim">No invoice yet.</p>;
  }
  return <PlainTable label="Invoices" columns={INVOICES} rows={rows} rowKey={(row) => row.id} />;
}

const PAYMENTS: readonly PlainColumn<PaymentRow>[] = [
  { head: "Payment", cell: (row) => <IdChip id={row.stripePaymentId} keep={20} /> },
  {
    head: "Status",
    cell: (row) => (
      <StatusPill tone={row.disputed ? "fail" : moneyTone(row.status)}>
        {row.disputed ? "disputed" : plain(row.status)}
      </StatusPill>
    ),
  },
  {
    head: "Why not",
    cell: (row) => row.failureMessage ?? row.failureCode ?? <span className="dim">–</span>,
  },
  {
    head: "Amount",
    align: "right",
    cell: (row) => <Money amountMinor={row.amount.minor} currency={row.amount.currency} />,
  },
  {
    head: "Refunded",
    wideOnly: true,
    align: "right",
    cell: (row) =>
      row.amountRefunded.minor === 0 ? (
        <span className="dim">–</span>
      ) : (
        <Money amountMinor={row.amountRefunded.minor} currency={row.amountRefunded.currency} />
      ),
  },
  { head: "Made", align: "right", cell: (row) => <When at={row.createdAt} /> },
];

export function PaymentTable({ rows }: { readonly rows: readonly PaymentRow[] }) {
  if (rows.length === 0) {
    return <p className="dim">No payment yet.</p>;
  }
  return <PlainTable label="Payments" columns={PAYMENTS} rows={rows} rowKey={(row) => row.id} />;
}

type RefundOrDispute = {
  readonly id: string;
  readonly kind: "refund" | "dispute";
  readonly providerId: string;
  readonly status: string;
  readonly amount: { readonly minor: number; readonly currency: string };
  readonly reason: string | null;
  readonly at: string;
};

const BACK: readonly PlainColumn<RefundOrDispute>[] = [
  { head: "What", cell: (row) => humanize(row.kind) },
  { head: "Id", cell: (row) => <IdChip id={row.providerId} keep={20} /> },
  {
    head: "Status",
    cell: (row) => <StatusPill tone={moneyTone(row.status)}>{plain(row.status)}</StatusPill>,
  },
  { head: "Reason", cell: (row) => plain(row.reason ?? "not given") },
  {
    head: "Amount",
    align: "right",
    cell: (row) => <Money amountMinor={row.amount.minor} currency={row.amount.currency} />,
  },
  { head: "Made", align: "right", cell: (row) => <When at={row.at} as="day" /> },
];

/** Money that went back, or may have to. */
export function RefundTable({ customer }: { readonly customer: CustomerDetail }) {
  const rows: readonly RefundOrDispute[] = [
    ...customer.refunds.map((row) => ({
      ...row,
      kind: "refund" as const,
      providerId: row.stripeRefundId,
      at: row.createdAt,
    })),
    ...customer.disputes.map((row) => ({
      ...row,
      kind: "dispute" as const,
      providerId: row.stripeDisputeId,
      at: row.createdAt,
    })),
  ];
  if (rows.length === 0) {
    return <p className="dim">Nothing was refunded or disputed.</p>;
  }
  return (
    <PlainTable label="Refunds and disputes" columns={BACK} rows={rows} rowKey={(row) => row.id} />
  );
}
