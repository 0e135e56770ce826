import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconArrowsMaximize } from "@tabler/icons-react";
import { customersSearch, type CustomerRow, customersShow } from "purser/contract/billing";
import { Link, useLocation } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation, usePages } from "../../app/queries.ts";
import { plain, subscriptionTone } from "../../app/words.ts";
import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { Section } from "../../kit/facts.tsx";
import { FilterBar } from "../../kit/filter-bar.tsx";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Page } from "../../kit/page.tsx";
import { SidePanel } from "../../kit/side-panel.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { When } from "../../kit/when.tsx";
import { CustomerFacts } from "./customer-facts.tsx";
import { InvoiceTable, SubscriptionTable } from "./customer-tables.tsx";

const SEARCH = { key: "q", placeholder: "Name, email or any id" };
const FILTERS = [
  {
    key: "tier",
    label: "Tier",
    choices: ["free", "starter", "pro", "enterprise"].map((value) => ({
      value,
      label: humanize(value),
    })),
  },
];

const COLUMNS: readonly Column<CustomerRow>[] = [
  {
    key: "name",
    head: "Name",
    width: 160,
    grow: 1.3,
    phone: "main",
    cell: (row) => (row.placeholder ? <span className="dim">not seen yet</span> : row.name),
  },
  {
    key: "email",
    head: "Email",
    width: 170,
    grow: 1.2,
    phone: "meta",
    dropAt: 2,
    cell: (row) => row.email ?? <span className="dim">–</span>,
  },
  {
    key: "status",
    head: "Subscription",
    width: 118,
    phone: "side",
    cell: (row) =>
      row.subscriptionStatus === null ? (
        <span className="dim">none</span>
      ) : (
        <StatusPill tone={subscriptionTone(row.subscriptionStatus)}>
          {plain(row.subscriptionStatus)}
        </StatusPill>
      ),
  },
  {
    key: "tier",
    head: "Tier",
    width: 78,
    phone: "corner",
    cell: (row) => (row.locked ? `${humanize(row.tier)}, locked` : humanize(row.tier)),
  },
  {
    key: "id",
    head: "Id",
    width: 150,
    dropAt: 4,
    cell: (row) => <IdChip id={row.id} keep={18} />,
  },
  {
    key: "stripe",
    head: "At Stripe",
    width: 150,
    dropAt: 3,
    cell: (row) => {
      const [first, ...more] = row.stripeCustomerIds;
      return first === undefined ? (
        <span className="dim">–</span>
      ) : (
        <>
          <IdChip id={first} keep={16} />
          {more.length === 0 ? "" : ` +${more.length}`}
        </>
      );
    },
  },
  {
    key: "created",
    head: "Since",
    width: 96,
    align: "right",
    dropAt: 5,
    cell: (row) => <When at={row.createdAt} as="day" />,
  },
];

/** Who pays. One search field takes any id, an address, or the beginning of a name. */
export function Customers() {
  const url = useUrlState();
  const open = url.get("customer");
  const q = url.get("q");
  const tier = url.get("tier");
  const { table } = usePages(customersSearch, {
    ...(q === null ? {} : { q }),
    ...(tier === null ? {} : { tier }),
  });
  return (
    <Page title="Customers">
      <FilterBar search={SEARCH} filters={FILTERS} />
      <div className="page-split">
        <DataTable
          label="Customers"
          columns={COLUMNS}
          rowKey={(row) => row.id}
          {...table}
          openKey={open}
          onOpen={(key, how) => url.set({ customer: key }, how)}
          empty={q === null && tier === null ? <NoCustomers /> : <NoMatch words={q} />}
        />
        {open === null ? null : (
          <CustomerPanel key={open} id={open} onClose={() => url.set({ customer: null })} />
        )}
      </div>
    </Page>
  );
}

function CustomerPanel({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const customer = useOperation(customersShow, { id });
  const [, navigate] = useLocation();
  const page = `/customers/${encodeURIComponent(id)}`;
  return (
    <SidePanel
      label="Customer"
      title={customer.data?.name ?? "Customer"}
      onClose={onClose}
      actions={
        <Tooltip label="Open the whole page">
          <ActionIcon aria-label="Open the whole page" onClick={() => navigate(page)}>
            <IconArrowsMaximize size={15} />
          </ActionIcon>
        </Tooltip>
      }
    >
      <Load query={customer} label="Loading the customer" lines={10}>
        {(data) => (
          <>
            <CustomerFacts customer={data} />
            <Section title="Subscriptions">
              <SubscriptionTable rows={data.subscriptions} />
            </Section>
            <Section title="Invoices" side={<Link href={`${page}?tab=invoices`}>All</Link>}>
              <InvoiceTable rows={data.invoices.slice(0, 5)} />
            </Section>
          </>
        )}
      </Load>
    </SidePanel>
  );
}

function NoMatch({ words }: { readonly words: string | null }) {
  const [, navigate] = useLocation();
  return (
    <EmptyState
      title={words === null ? "Nobody has this tier" : `Nobody is found by “${words}”`}
      actions={
        <>
          <Button onClick={() => navigate("/customers")}>Show the newest</Button>
          {words === null ? null : (
            <Button onClick={() => navigate(`/inbox?q=${encodeURIComponent(words)}`)}>
              Look in the inbox
            </Button>
          )}
        </>
      }
    >
      Names are found by their beginning; ids, addresses and invoice numbers only whole. A customer
      exists here from its first event on.
    </EmptyState>
  );
}

function NoCustomers() {
  const [, navigate] = useLocation();
  return (
    <EmptyState
      title="No customer yet"
      actions={
        <Button variant="filled" onClick={() => navigate("/inbox")}>
          See what arrives
        </Button>
      }
    >
      Customers appear with the first event that names them. Nothing has to be typed in.
    </EmptyState>
  );
}
