import type { Explanation, RecordEvent } from "purser/contract/billing";
import { Link } from "wouter";

import { eventTone } from "../../app/words.ts";
import { Diff, fieldWords, valueView } from "../../kit/diff.tsx";
import { Section } from "../../kit/facts.tsx";
import { plural } from "../../kit/format.ts";
import { PlainTable } from "../../kit/plain-table.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Timeline } from "../../kit/timeline.tsx";
import { When } from "../../kit/when.tsx";

type Field = Explanation["fields"][number];

const fieldColumns = (currency: string | undefined) => [
  { head: "Field", cell: (field: Field) => fieldWords(field.field, currency) },
  {
    head: "Value",
    cell: (field: Field) => <code>{valueView(field.field, field.value, currency)}</code>,
  },
  {
    head: "Set by",
    cell: (field: Field) => {
      if (field.setBy === null) {
        return <span className="dim">nothing recorded</span>;
      }
      return field.setBy.startsWith("evt_") ? (
        <Link href={`/inbox/events/${field.setBy}`}>{field.setByType ?? field.setBy}</Link>
      ) : (
        (field.setByType ?? field.setBy)
      );
    },
  },
  { head: "At", align: "right" as const, cell: (field: Field) => <When at={field.setAt} /> },
];

/** Why a record is as it is: the sentence, then each field with who set it, then everything that was said. */
export function ExplanationView({ explanation }: { readonly explanation: Explanation }) {
  const stated = explanation.fields.find((field) => field.field === "currency")?.value;
  const currency = typeof stated === "string" ? stated : undefined;
  return (
    <>
      <p>{explanation.summary}</p>
      {explanation.notes.map((note) => (
        <p key={note} className="dim">
          {note}
        </p>
      ))}
      <Section title="Each field">
        <PlainTable
          label="Fields"
          stack
          columns={fieldColumns(currency)}
          rows={explanation.fields}
          rowKey={(field) => field.field}
        />
      </Section>
      <Section title="Everything that was said" side={plural(explanation.chain.length, "event")}>
        <RecordEvents events={explanation.chain} currency={currency} />
      </Section>
    </>
  );
}

/** The chain of events of a record, newest first. */
export function RecordEvents({
  events,
  currency,
}: {
  readonly events: readonly RecordEvent[];
  /** Of the record, where it is known. */
  readonly currency?: string | undefined;
}) {
  if (events.length === 0) {
    return <p className="dim">No event is recorded; it was fetched from the provider.</p>;
  }
  // The chain comes oldest first; within one second its own order is what counts.
  const newestFirst = events
    .toReversed()
    .toSorted((left, right) => right.occurredAt.localeCompare(left.occurredAt));
  return (
    <Timeline
      label="Events of the record"
      items={newestFirst.map((event) => ({
        key: event.eventId,
        at: event.occurredAt,
        tone: eventTone(event.fate),
        title: (
          <>
            <Link href={`/inbox/events/${event.eventId}`}>{event.eventType}</Link>{" "}
            {event.fate === "applied" ? null : (
              <StatusPill tone={eventTone(event.fate)}>{event.fate}</StatusPill>
            )}
          </>
        ),
        detail: <EventDetail event={event} currency={currency} />,
      }))}
    />
  );
}

function EventDetail({
  event,
  currency,
}: {
  readonly event: RecordEvent;
  readonly currency: string | undefined;
}) {
  const changed = Object.entries(event.changed);
  return (
    <>
      {event.reason === null ? null : <p>{event.reason}</p>}
      {changed.length === 0 ? null : (
        <Diff
          before={Object.fromEntries(changed.map(([field, pair]) => [field, pair[0]]))}
          after={Object.fromEntries(changed.map(([field, pair]) => [field, pair[1]]))}
          currency={currency}
        />
      )}
    </>
  );
}
