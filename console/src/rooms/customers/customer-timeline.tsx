import { Button } from "@mantine/core";
import { customersTimeline, type TimelineEntry } from "purser/contract/billing";
import { Link } from "wouter";

import { addressOf } from "../../app/addresses.ts";
import { usePages } from "../../app/queries.ts";
import { Bones } from "../../kit/bones.tsx";
import { fieldWords, valueView } from "../../kit/diff.tsx";
import { EmptyState } from "../../kit/empty-state.tsx";
import { ErrorState } from "../../kit/error-state.tsx";
import { Money } from "../../kit/money.tsx";
import type { Tone } from "../../kit/status-pill.tsx";
import { Timeline } from "../../kit/timeline.tsx";

function toneOf(entry: TimelineEntry): Tone | undefined {
  if (/fail|dispute|uncollectible|past due|unpaid/iu.test(entry.title)) {
    return "fail";
  }
  return /paid|succeeded|active/iu.test(entry.title) ? "ok" : undefined;
}

/** Everything that happened to a customer, in one list. */
export function CustomerTimeline({ id }: { readonly id: string }) {
  const { query, table } = usePages(customersTimeline, { id });
  if (table.status === "loading") {
    return <Bones lines={10} label="Loading the timeline" />;
  }
  if (table.failure !== undefined) {
    return <ErrorState failure={table.failure} onRetry={table.onRetry} />;
  }
  if (table.rows.length === 0) {
    return (
      <EmptyState title="Nothing happened yet">
        Events of the provider, invoices, payments and what staff do appear here as they happen.
      </EmptyState>
    );
  }
  const currencyOf = currencies(table.rows);
  return (
    <>
      <Timeline
        label="Timeline"
        items={table.rows.map((entry, at) => ({
          key: `${entry.at} ${entry.objectId ?? ""} ${at}`,
          at: entry.at,
          tone: toneOf(entry),
          title: <Title entry={entry} />,
          detail: <Detail entry={entry} currency={currencyOf(entry)} />,
        }))}
      />
      {table.hasMore ? (
        <Button loading={query.isFetchingNextPage} onClick={table.onMore}>
          Show earlier
        </Button>
      ) : null}
    </>
  );
}

function Title({ entry }: { readonly entry: TimelineEntry }) {
  const href = entry.objectId === null ? null : addressOf(entry.objectId);
  return (
    <>
      {href === null ? entry.title : <Link href={href}>{entry.title}</Link>}{" "}
      {entry.amount === null ? null : (
        <Money amountMinor={entry.amount.minor} currency={entry.amount.currency} />
      )}
    </>
  );
}

const SHOWN_FIELDS = 4;

/**
 * The currency of an entry's amounts: its own, that of another entry on the same object, or the only one that the
 * customer was ever asked for.
 */
function currencies(
  entries: readonly TimelineEntry[],
): (entry: TimelineEntry) => string | undefined {
  const byObject = new Map(
    entries.flatMap((entry) =>
      entry.amount === null ? [] : [[entry.objectId, entry.amount.currency] as const],
    ),
  );
  const all = [...new Set(byObject.values())];
  const only = all.length === 1 ? all[0] : undefined;
  return (entry) => entry.amount?.currency ?? byObject.get(entry.objectId) ?? only;
}

function Detail({
  entry,
  currency,
}: {
  readonly entry: TimelineEntry;
  readonly currency: string | undefined;
}) {
  const changed = Object.entries(entry.changed);
  const more = changed.length - SHOWN_FIELDS;
  return (
    <>
      {changed.slice(0, SHOWN_FIELDS).map(([field, [before, after]]) => (
        <span key={field} style={{ display: "block" }}>
          {fieldWords(field, currency)}: {valueView(field, before, currency)} →{" "}
          {valueView(field, after, currency)}
        </span>
      ))}
      {more > 0 ? <span>and {more} more </span> : null}
      {entry.actor === null ? null : <span>by {entry.actor} </span>}
      {entry.eventId === null ? null : (
        <Link className="mono" href={`/inbox/events/${entry.eventId}`}>
          {entry.eventId}
        </Link>
      )}
    </>
  );
}
