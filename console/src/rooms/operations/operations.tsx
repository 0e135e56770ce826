import type { Operation } from "purser/operation";
import { useLocation } from "wouter";

import { summaryWords } from "../../app/act.tsx";
import { OPERATIONS } from "../../app/catalog.ts";
import { mayRun, useSession } from "../../app/session.ts";
import type { Column } from "../../kit/columns.ts";
import { DataTable } from "../../kit/data-table.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { FilterBar } from "../../kit/filter-bar.tsx";
import { Page } from "../../kit/page.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { useUrlState } from "../../kit/url-state.ts";

const SEARCH = { key: "q", placeholder: "What do you want to do?" };
const FILTERS = [
  {
    key: "risk",
    label: "Effect",
    choices: [
      { value: "read", label: "Reads" },
      { value: "write", label: "Writes" },
      { value: "dangerous", label: "Cannot be taken back" },
    ],
  },
];

export const RISKS = {
  read: { tone: "neutral", words: "reads" },
  write: { tone: "neutral", words: "writes" },
  dangerous: { tone: "warn", words: "no way back" },
} as const;

const COLUMNS: readonly Column<Operation>[] = [
  {
    key: "title",
    head: "Operation",
    width: 200,
    phone: "main",
    grow: 0.8,
    cell: (row) => row.title,
  },
  {
    key: "risk",
    head: "Effect",
    width: 104,
    phone: "side",
    cell: (row) => <StatusPill tone={RISKS[row.risk].tone}>{RISKS[row.risk].words}</StatusPill>,
  },
  {
    key: "summary",
    head: "What it does",
    width: 220,
    grow: 2,
    phone: "meta",
    dropAt: 2,
    cell: (row) => <span title={summaryWords(row)}>{summaryWords(row)}</span>,
  },
  {
    key: "cli",
    head: "On the command line",
    width: 210,
    dropAt: 3,
    cell: (row) => <code>purser {row.cli.words}</code>,
  },
];

/** Every operation that I may run. */
export function Operations() {
  const url = useUrlState();
  const session = useSession();
  const [, navigate] = useLocation();
  const words = (url.get("q") ?? "").toLowerCase();
  const risk = url.get("risk");
  const rows = OPERATIONS.filter(
    (operation) =>
      mayRun(session.data, operation) &&
      (risk === null || operation.risk === risk) &&
      `${operation.title} ${operation.name} ${operation.summary}`.toLowerCase().includes(words),
  );
  return (
    <Page title="Operations" sentence="Everything that your role may do, by hand.">
      <FilterBar search={SEARCH} filters={FILTERS} />
      <div className="page-split">
        <DataTable
          label="Operations"
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.name}
          status="ready"
          onOpen={(name) => navigate(`/operations/${name}`)}
          empty={
            <EmptyState title="No operation is called so">
              Or your role may not run it. The same names work on the command line: purser help.
            </EmptyState>
          }
        />
      </div>
    </Page>
  );
}
