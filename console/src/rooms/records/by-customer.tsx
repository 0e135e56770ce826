import { Button } from "@mantine/core";
import { Link } from "wouter";

import { EmptyState } from "../../kit/empty-state.tsx";
import type { Failure } from "../../kit/error-state.tsx";
import { FilterBar, type Filter } from "../../kit/filter-bar.tsx";
import { useUrlState } from "../../kit/url-state.ts";

const SEARCH = { key: "q", placeholder: "A customer’s id or email" };

interface ListTable<Row> {
  readonly rows: readonly Row[];
  readonly status: "loading" | "error" | "ready";
  readonly failure: Failure | undefined;
}

/** The filters of a list of records as its operation takes them: what was typed is a customer's id or address. */
export function useRecordFilters(filters: readonly Filter[]): Readonly<Record<string, string>> {
  const url = useUrlState();
  const typed = url.get(SEARCH.key);
  return Object.fromEntries([
    ...filters.flatMap((filter) => {
      const value = url.get(filter.key);
      return value === null ? [] : [[filter.key, value] as const];
    }),
    ...(typed === null ? [] : [["customer", typed] as const]),
  ]);
}

export function RecordFilters({ filters }: { readonly filters: readonly Filter[] }) {
  return <FilterBar search={SEARCH} filters={filters} />;
}

/** A customer that nobody knows is no failure of the list: it is empty, and says where to look. */
export function withoutUnknown<Row, Table extends ListTable<Row>>(
  table: Table,
): Omit<Table, "status" | "failure"> & Pick<ListTable<Row>, "status" | "failure"> {
  return table.failure?.code === "billing/unknown-customer"
    ? { ...table, status: "ready", failure: undefined }
    : table;
}

interface NoRecordsProps {
  /** "invoices" */
  readonly noun: string;
  /** Where the list stands without filters. */
  readonly href: string;
}

export function NoRecords({ noun, href }: NoRecordsProps) {
  const url = useUrlState();
  const typed = url.get(SEARCH.key);
  const filtered = url.get("status") !== null || url.get("tier") !== null || typed !== null;
  if (!filtered) {
    return (
      <EmptyState
        title={`No ${noun} yet`}
        actions={
          <Button component={Link} href="/inbox" variant="filled">
            See what arrives
          </Button>
        }
      >
        They appear with the first event of the provider that names them.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title={`No ${noun} fit these filters`}
      actions={
        <>
          {typed === null ? null : (
            <Button
              component={Link}
              href={`/customers?q=${encodeURIComponent(typed)}`}
              variant="filled"
            >
              Search customers for “{typed}”
            </Button>
          )}
          <Button component={Link} href={href}>
            Clear filters
          </Button>
        </>
      }
    >
      {typed === null
        ? "Nothing stands like this now."
        : "Customers are named here by an id or an email address, whole. Names are found among customers."}
    </EmptyState>
  );
}
