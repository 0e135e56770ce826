import { invoicesExplain, invoicesShow } from "purser/contract/billing";
import { Link } from "wouter";
import type { z } from "zod";

import { Load } from "../../app/load.tsx";
import { ObjectLink } from "../../app/object-link.tsx";
import { useOperation } from "../../app/queries.ts";
import { moneyTone, plain } from "../../app/words.ts";
import { Facts, Section } from "../../kit/facts.tsx";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Tabs } from "../../kit/tabs.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { When } from "../../kit/when.tsx";
import { PaymentTable } from "../customers/customer-tables.tsx";
import { ExplanationView, RecordEvents } from "./explanation-view.tsx";

type InvoiceDetail = z.output<typeof invoicesShow.output>;

/** One invoice: what it is, what was paid on it, and why it is so. */
export function InvoicePage({ id }: { readonly id: string }) {
  const invoice = useOperation(invoicesShow, { id });
  const url = useUrlState();
  const tab = url.get("tab") ?? "overview";
  const { data: shown } = invoice;
  return (
    <Page
      title={`Invoice ${shown?.number ?? ""}`.trim()}
      sentence={
        shown === undefined ? undefined : (
          <Link href={`/customers/${shown.organizationId}`}>{shown.organizationName}</Link>
        )
      }
    >
      <div className="page-scroll">
        <div className="page-narrow">
          <Load query={invoice} label="Loading the invoice" lines={14}>
            {(data) => (
              <Tabs
                label="About the invoice"
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
                  <RecordEvents events={data.events} currency={data.total.currency} />
                ) : null}
                {tab === "overview" ? <InvoiceOverview row={data} /> : null}
              </Tabs>
            )}
          </Load>
        </div>
      </div>
    </Page>
  );
}

/** What an invoice is, on its page and beside its list. */
export function InvoiceOverview({ row }: { readonly row: InvoiceDetail }) {
  return (
    <>
      <Facts
        rows={[
          ["Id", <IdChip key="id" id={row.stripeInvoiceId} keep={40} />],
          [
            "Status",
            <StatusPill key="status" tone={moneyTone(row.status)}>
              {plain(row.status)}
            </StatusPill>,
          ],
          [
            "Total",
            <Money key="total" amountMinor={row.total.minor} currency={row.total.currency} />,
          ],
          [
            "Paid",
            <Money
              key="paid"
              amountMinor={row.amountPaid.minor}
              currency={row.amountPaid.currency}
            />,
          ],
          [
            "Open",
            <Money
              key="open"
              amountMinor={row.amountRemaining.minor}
              currency={row.amountRemaining.currency}
            />,
          ],
          [
            "Subscription",
            row.stripeSubscriptionId === null ? (
              "none"
            ) : (
              <ObjectLink key="sub" id={row.stripeSubscriptionId} keep={40} />
            ),
          ],
          // A first invoice is for no span of time: the provider gives the same moment twice.
          ...(row.periodStart === row.periodEnd
            ? []
            : [
                [
                  "Period",
                  <span key="period">
                    <When at={row.periodStart} as="day" /> to <When at={row.periodEnd} as="day" />
                  </span>,
                ] as const,
              ]),
          ["Made", <When key="made" at={row.createdAt} as="absolute" />],
          ["Due", <When key="due" at={row.dueAt} as="day" none="at once" />],
          ["Paid at", <When key="paidAt" at={row.paidAt} as="absolute" none="not yet" />],
          ["Tries to collect", row.attemptCount],
          ["Next try", <When key="next" at={row.nextPaymentAttempt} none="none planned" />],
          [
            "Seen by the customer",
            row.hostedUrl === null ? (
              "no page"
            ) : (
              <a key="hosted" href={row.hostedUrl} rel="noreferrer" target="_blank">
                Page at the provider
              </a>
            ),
          ],
          ["Last changed by", row.source],
        ]}
      />
      <Section title="Payments">
        <PaymentTable rows={row.payments} />
      </Section>
    </>
  );
}

function Explain({ id }: { readonly id: string }) {
  const explained = useOperation(invoicesExplain, { id });
  return (
    <Load query={explained} label="Working out why">
      {(data) => <ExplanationView explanation={data} />}
    </Load>
  );
}
