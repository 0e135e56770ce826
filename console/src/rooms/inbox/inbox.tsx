import { Button } from "@mantine/core";
import { inboxBacklog, inboxReplay } from "purser/contract/inbox";
import { Link, useLocation } from "wouter";

import { ActButton } from "../../app/act-button.tsx";
import { useOperation } from "../../app/queries.ts";
import { DataTable } from "../../kit/data-table.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { FilterBar } from "../../kit/filter-bar.tsx";
import { formatDuration, plural } from "../../kit/format.ts";
import { Page } from "../../kit/page.tsx";
import { useUrlState } from "../../kit/url-state.ts";
import { EventPanel } from "./event-panel.tsx";
import { INBOX_COLUMNS } from "./inbox-columns.tsx";
import { INBOX_FILTERS, isName, SEARCH } from "./inbox-filters.ts";
import { useInboxRows } from "./use-inbox-rows.ts";

/** Every webhook that was taken in, newest first, and what became of it. */
export function Inbox() {
  const url = useUrlState();
  const open = url.get("event");
  const list = useInboxRows(url.get);
  const filtered = [SEARCH.key, ...INBOX_FILTERS.map((filter) => filter.key)].some(
    (key) => url.get(key) !== null,
  );
  return (
    <Page
      title="Inbox"
      sentence={<BacklogSentence />}
      actions={
        <ActButton
          operation={inboxReplay}
          known={list.replay.known}
          how={{ note: list.replay.note }}
        >
          Replay…
        </ActButton>
      }
    >
      <FilterBar search={SEARCH} filters={INBOX_FILTERS} />
      <div className="page-split">
        <DataTable
          label="Events"
          columns={INBOX_COLUMNS}
          rowKey={(row) => row.id}
          {...list.table}
          waiting={list.waiting}
          openKey={open}
          onOpen={(key, how) => url.set({ event: key }, how)}
          empty={filtered ? <NoMatch typed={url.get(SEARCH.key)} /> : <NoEvents />}
        />
        {open === null ? null : (
          <EventPanel key={open} id={open} onClose={() => url.set({ event: null })} />
        )}
      </div>
    </Page>
  );
}

/** Younger than this, an event is not waiting but in work. */
const AT_ONCE_S = 3;

function BacklogSentence() {
  const backlog = useOperation(inboxBacklog, {});
  if (backlog.data === undefined) {
    return null;
  }
  const { depth, held, oldestAgeS, etaS } = backlog.data;
  const heldWords = held === 0 ? "" : ` ${plural(held, "event")} held until their rooms exist.`;
  if (depth === 0 || (oldestAgeS ?? 0) < AT_ONCE_S) {
    return `Everything is worked off as it comes.${heldWords}`;
  }
  const oldest = oldestAgeS === null ? "" : `, the oldest for ${formatDuration(oldestAgeS * 1000)}`;
  const eta = etaS === null ? "" : ` Empty in about ${formatDuration(etaS * 1000)}.`;
  return `${plural(depth, "event")} wait${depth === 1 ? "s" : ""}${oldest}.${eta}${heldWords}`;
}

function NoMatch({ typed }: { readonly typed: string | null }) {
  const name = typed !== null && isName(typed);
  return (
    <EmptyState
      title={
        name
          ? `No type of event begins with “${typed}”`
          : "No event that is listed fits these filters"
      }
      actions={
        <>
          {typed === null ? null : (
            <Button
              component={Link}
              href={`/customers?q=${encodeURIComponent(typed)}`}
              variant={name ? "filled" : "default"}
            >
              Search customers for “{typed}”
            </Button>
          )}
          <Button component={Link} href="/inbox">
            Clear filters
          </Button>
        </>
      }
    >
      {name
        ? "Events are found by their id, by the id of what they concern, or by their type. Names and addresses belong to customers."
        : "Events stay listed for 90 days. One that is missing may be older, may have been refused, or may still be on its way."}
    </EmptyState>
  );
}

function NoEvents() {
  const [, navigate] = useLocation();
  return (
    <EmptyState
      title="No event has arrived yet"
      actions={
        <Button variant="filled" onClick={() => navigate("/operations/endpoints.list")}>
          Show the addresses for webhooks
        </Button>
      }
    >
      Each webhook appears here the moment it is taken in, with what it changed. Give the provider
      the address of an endpoint, or start the sandbox.
    </EmptyState>
  );
}
