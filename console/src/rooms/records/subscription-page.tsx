import {
  type SubscriptionDetail,
  subscriptionsCancel,
  subscriptionsExplain,
  subscriptionsResync,
  subscriptionsShow,
} from "purser/contract/billing";
import { Link } from "wouter";

import { ActButton } from "../../app/act-button.tsx";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { plain, subscriptionTone } from "../../app/words.ts";
import { Facts, Section } from "../../kit/facts.tsx";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { Page } from "../../kit/page.tsx";
import { PlainTable } from "../../kit/plain-table.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Tabs } from "../../kit/tabs.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { When } from "../../kit/when.tsx";
import { ExplanationView, RecordEvents } from "./explanation-view.tsx";

/** One subscription: what it is, why it is so, and what may be done with it. */
export function SubscriptionPage({ id }: { readonly id: string }) {
  const subscription = useOperation(subscriptionsShow, { id });
  const url = useUrlState();
  const tab = url.get("tab") ?? "overview";
  return (
    <Page
      title="Subscription"
      sentence={
        subscription.data === undefined ? undefined : (
          <Link href={`/customers/${subscription.data.organizationId}`}>
            {subscription.data.organizationName}
          </Link>
        )
      }
      actions={<Acts id={id} ended={subscription.data?.endedAt !== null} />}
    >
      <div className="page-scroll">
        <div className="page-narrow">
          <Load query={subscription} label="Loading the subscription" lines={14}>
            {(data) => (
              <Tabs
                label="About the subscription"
                current={tab}
                onChange={(key) => url.set({ tab: key === "overview" ? null : key })}
                tabs={[
                  { key: "overview", label: "Overview" },
                  { key: "explain", label: "Explain" },
                  { key: "events", label: `Events ${data.events.length}` },
                ]}
              >
                {tab === "explain" ? <Explain id={id} /> : null}
                {tab === "events" ? (
                  <RecordEvents events={data.events} currency={data.amount?.currency} />
                ) : null}
                {tab === "overview" ? <SubscriptionOverview row={data} /> : null}
              </Tabs>
            )}
          </Load>
        </div>
      </div>
    </Page>
  );
}

const AT_ONCE = { form: false };
const ITS_OWN = { fixed: ["id"] };

function Acts({ id, ended }: { readonly id: string; readonly ended: boolean }) {
  return (
    <>
      <ActButton operation={subscriptionsResync} known={{ id }} how={AT_ONCE}>
        Resync…
      </ActButton>
      {ended ? null : (
        <ActButton operation={subscriptionsCancel} known={{ id }} how={ITS_OWN}>
          Cancel…
        </ActButton>
      )}
    </>
  );
}

type Item = SubscriptionDetail["items"][number];

const ITEMS = [
  { head: "Price", cell: (item: Item) => <IdChip id={item.priceId} keep={24} /> },
  {
    head: "Tier",
    cell: (item: Item) => (item.tier === null ? "not mapped" : humanize(item.tier)),
  },
  { head: "Quantity", align: "right" as const, cell: (item: Item) => item.quantity ?? "metered" },
  {
    head: "Each",
    align: "right" as const,
    cell: (item: Item) => (
      <Money amountMinor={item.unitAmount?.minor} currency={item.unitAmount?.currency} />
    ),
  },
  {
    head: "Every",
    align: "right" as const,
    cell: (item: Item) =>
      item.intervalCount === 1 ? item.interval : `${item.intervalCount} ${item.interval}s`,
  },
];

/** What a subscription is, on its page and beside its list. */
export function SubscriptionOverview({ row }: { readonly row: SubscriptionDetail }) {
  return (
    <>
      <Facts
        rows={[
          ["Id", <IdChip key="id" id={row.stripeSubscriptionId} keep={40} />],
          [
            "Status",
            <span key="status">
              <StatusPill tone={subscriptionTone(row.status)}>{plain(row.status)}</StatusPill>
              {row.pastDueSince === null ? null : (
                <>
                  {" "}
                  past due since <When at={row.pastDueSince} as="short" />
                </>
              )}
            </span>,
          ],
          ["Tier", row.tier === null ? "its price is mapped to no plan" : humanize(row.tier)],
          [
            "Amount",
            <span key="amount">
              <Money amountMinor={row.amount?.minor} currency={row.amount?.currency} />{" "}
              {row.billingCycle}
            </span>,
          ],
          [
            "Period",
            <span key="period">
              <When at={row.currentPeriodStart} as="day" /> to{" "}
              <When at={row.currentPeriodEnd} as="day" />
            </span>,
          ],
          ["Ends", <Ends key="ends" row={row} />],
          ["Trial until", <When key="trial" at={row.trialEnd} as="day" none="no trial" />],
          [
            "Paused",
            row.pause === null ? (
              "no"
            ) : (
              <span key="pause">
                {plain(row.pause.behavior)}, until{" "}
                <When at={row.pause.resumesAt} as="day" none="somebody resumes it" />
              </span>
            ),
          ],
          [
            "Discounts",
            row.discounts.length === 0
              ? "none"
              : row.discounts.map((each) => each.coupon ?? each.id).join(", "),
          ],
          ["Last changed by", row.source],
          ["Changed", <When key="updated" at={row.updatedAt} />],
        ]}
      />
      <Section title="Items">
        <PlainTable label="Items" columns={ITEMS} rows={row.items} rowKey={(item) => item.id} />
      </Section>
    </>
  );
}

function Ends({ row }: { readonly row: SubscriptionDetail }) {
  if (row.endedAt !== null) {
    return (
      <>
        ended <When at={row.endedAt} as="day" />
      </>
    );
  }
  const at = row.cancelAt ?? (row.cancelAtPeriodEnd ? row.currentPeriodEnd : null);
  return <When at={at} as="day" none="renews until canceled" />;
}

function Explain({ id }: { readonly id: string }) {
  const explained = useOperation(subscriptionsExplain, { id });
  return (
    <Load query={explained} label="Working out why">
      {(data) => <ExplanationView explanation={data} />}
    </Load>
  );
}
