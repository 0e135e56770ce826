import {
  type SubscriptionRow,
  subscriptionsList,
  subscriptionsShow,
} from "purser/contract/billing";
import { Link } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation, usePages } from "../../app/queries.ts";
import { plain, subscriptionTone } from "../../app/words.ts";
import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import type { Filter } from "../../kit/filter-bar.tsx";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { When } from "../../kit/when.tsx";
import { NoRecords, RecordFilters, useRecordFilters, withoutUnknown } from "./by-customer.tsx";
import { nextStep } from "./next-step.ts";
import { RecordPanel } from "./record-panel.tsx";
import { SubscriptionOverview } from "./subscription-page.tsx";

const choice = (value: string) => ({ value, label: humanize(value) });

const FILTERS: readonly Filter[] = [
  {
    key: "status",
    label: "Status",
    choices: [
      "active",
      "trialing",
      "past_due",
      "unpaid",
      "incomplete",
      "incomplete_expired",
      "paused",
      "canceled",
    ].map(choice),
  },
  { key: "tier", label: "Tier", choices: ["free", "starter", "pro", "enterprise"].map(choice) },
];

const COLUMNS: readonly Column<SubscriptionRow>[] = [
  {
    key: "customer",
    head: "Customer",
    width: 160,
    grow: 1,
    phone: "main",
    cell: (row) => row.organizationName,
  },
  {
    key: "status",
    head: "Status",
    width: 112,
    phone: "side",
    cell: (row) => (
      <StatusPill tone={row.paused ? "held" : subscriptionTone(row.status)}>
        {row.paused ? `${plain(row.status)}, paused` : plain(row.status)}
      </StatusPill>
    ),
  },
  {
    key: "tier",
    head: "Tier",
    width: 86,
    dropAt: 3,
    phone: "meta",
    cell: (row) => (row.tier === null ? "not mapped" : humanize(row.tier)),
  },
  {
    key: "amount",
    head: "Amount",
    width: 152,
    align: "right",
    phone: "corner",
    cell: (row) => (
      <>
        <Money amountMinor={row.amount?.minor} currency={row.amount?.currency} />{" "}
        <span className="dim">{row.billingCycle}</span>
      </>
    ),
  },
  {
    key: "then",
    head: "Then",
    width: 150,
    align: "right",
    dropAt: 2,
    cell: (row) => (
      <>
        {nextStep(row)} <When at={row.cancelAt ?? row.endedAt ?? row.currentPeriodEnd} as="day" />
      </>
    ),
  },
  {
    key: "pastDue",
    head: "Past due since",
    width: 110,
    align: "right",
    dropAt: 5,
    cell: (row) => <When at={row.pastDueSince} past />,
  },
  {
    key: "id",
    head: "Id",
    width: 150,
    dropAt: 4,
    cell: (row) => <IdChip id={row.stripeSubscriptionId} keep={16} />,
  },
];

/** Every subscription, newest first. */
export function Subscriptions() {
  const url = useUrlState();
  const open = url.get("subscription");
  const { table } = usePages(subscriptionsList, useRecordFilters(FILTERS));
  return (
    <Page
      title="Subscriptions"
      sentence={
        url.get("status") === null ? (
          <Link href="/subscriptions?status=past_due">Past due</Link>
        ) : undefined
      }
    >
      <RecordFilters filters={FILTERS} />
      <div className="page-split">
        <DataTable
          label="Subscriptions"
          columns={COLUMNS}
          rowKey={(row) => row.stripeSubscriptionId}
          {...withoutUnknown(table)}
          openKey={open}
          onOpen={(key, how) => url.set({ subscription: key }, how)}
          empty={<NoRecords noun="subscriptions" href="/subscriptions" />}
        />
        {open === null ? null : (
          <SubscriptionPanel key={open} id={open} onClose={() => url.set({ subscription: null })} />
        )}
      </div>
    </Page>
  );
}

function SubscriptionPanel({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const subscription = useOperation(subscriptionsShow, { id });
  return (
    <RecordPanel
      label="Subscription"
      title={subscription.data?.organizationName ?? "Subscription"}
      href={`/subscriptions/${encodeURIComponent(id)}`}
      onClose={onClose}
    >
      <Load query={subscription} label="Loading the subscription" lines={12}>
        {(data) => (
          <>
            <p style={{ marginBottom: 10 }}>
              <Link href={`/customers/${data.organizationId}`}>{data.organizationName}</Link>
            </p>
            <SubscriptionOverview row={data} />
          </>
        )}
      </Load>
    </RecordPanel>
  );
}
