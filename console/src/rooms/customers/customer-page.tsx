import { Button } from "@mantine/core";
import { type CustomerDetail, customersExplain, customersShow } from "purser/contract/billing";
import { Link } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { Section } from "../../kit/facts.tsx";
import { humanize } from "../../kit/format.ts";
import { useCopied } from "../../kit/id-chip.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Tabs } from "../../kit/tabs.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { ExplanationView } from "../records/explanation-view.tsx";
import { CustomerFacts } from "./customer-facts.tsx";
import { InvoiceTable, PaymentTable, RefundTable, SubscriptionTable } from "./customer-tables.tsx";
import { CustomerTimeline } from "./customer-timeline.tsx";
import { Quotas } from "./quotas.tsx";

/** Everything about one customer. The tab is in the address. */
export function CustomerPage({ id }: { readonly id: string }) {
  const customer = useOperation(customersShow, { id });
  const [copied, copy] = useCopied();
  return (
    <Page
      title={customer.data?.name ?? "Customer"}
      sentence={
        <>
          <Link href="/customers">Customers</Link>{" "}
          {customer.data === undefined ? null : (
            <>
              <span className="dim">/</span> {humanize(customer.data.tier)}{" "}
              {customer.data.locked ? <StatusPill tone="held">locked</StatusPill> : null}
            </>
          )}
        </>
      }
      actions={
        <Button onClick={() => copy(location.href)}>{copied ? "Copied" : "Copy the link"}</Button>
      }
    >
      <div className="page-scroll">
        <div className="page-narrow">
          <Load query={customer} label="Loading the customer" lines={14}>
            {(data) => <CustomerTabs customer={data} />}
          </Load>
        </div>
      </div>
    </Page>
  );
}

function CustomerTabs({ customer }: { readonly customer: CustomerDetail }) {
  const url = useUrlState();
  const tab = url.get("tab") ?? "overview";
  return (
    <Tabs
      label="About the customer"
      current={tab}
      onChange={(key) => url.set({ tab: key === "overview" ? null : key })}
      tabs={[
        { key: "overview", label: "Overview" },
        { key: "invoices", label: `Invoices ${customer.invoices.length}` },
        { key: "payments", label: `Payments ${customer.payments.length}` },
        { key: "timeline", label: "Timeline" },
        { key: "explain", label: "Explain" },
      ]}
    >
      {tab === "overview" ? <Overview customer={customer} /> : null}
      {tab === "invoices" ? <InvoiceTable rows={customer.invoices} /> : null}
      {tab === "payments" ? <Payments customer={customer} /> : null}
      {tab === "timeline" ? <CustomerTimeline id={customer.id} /> : null}
      {tab === "explain" ? <Explain id={customer.id} /> : null}
    </Tabs>
  );
}

function Payments({ customer }: { readonly customer: CustomerDetail }) {
  return (
    <>
      <PaymentTable rows={customer.payments} />
      <Section title="Refunds and disputes">
        <RefundTable customer={customer} />
      </Section>
    </>
  );
}

function Overview({ customer }: { readonly customer: CustomerDetail }) {
  return (
    <>
      <CustomerFacts customer={customer} />
      <Section title="Subscriptions">
        <SubscriptionTable rows={customer.subscriptions} />
      </Section>
      <Quotas organizationId={customer.id} />
      <Section title="Newest invoices">
        <InvoiceTable rows={customer.invoices.slice(0, 5)} />
      </Section>
    </>
  );
}

function Explain({ id }: { readonly id: string }) {
  const explained = useOperation(customersExplain, { id });
  return (
    <Load query={explained} label="Working out why">
      {(data) => <ExplanationView explanation={data} />}
    </Load>
  );
}
