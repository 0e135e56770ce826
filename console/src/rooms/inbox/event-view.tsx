import type { inboxShow } from "purser/contract/inbox";
import type { z } from "zod";

import { ObjectLink } from "../../app/object-link.tsx";
import { eventTone, LANES } from "../../app/words.ts";
import { Diff } from "../../kit/diff.tsx";
import { Facts, Section } from "../../kit/facts.tsx";
import { formatCount, formatDuration, plural } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { JsonView } from "../../kit/json-view.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { Timeline } from "../../kit/timeline.tsx";
import { When } from "../../kit/when.tsx";

type EventDetail = z.output<typeof inboxShow.output>;

/** One event: where it stands and why, what it changed, its tries, and exactly what was sent. */
export function EventView({ event }: { readonly event: EventDetail }) {
  return (
    <>
      <p style={{ marginBottom: 12 }}>
        <StatusPill tone={eventTone(event.state)}>{event.state}</StatusPill> {why(event)}
      </p>
      <Facts
        rows={[
          ["Event", <IdChip key="id" id={event.externalId} keep={40} />],
          ["Concerns", <ObjectLink key="key" id={event.key.replace(/^\w+:/u, "")} keep={40} />],
          ["Happened", <When key="at" at={event.occurredAt} as="absolute" />],
          ["Taken in", <When key="in" at={event.receivedAt} as="absolute" />],
          [
            "Settled",
            event.settledAt === null ? (
              "not yet"
            ) : (
              <span key="settled">
                <When at={event.settledAt} as="absolute" />
                {event.tookMs === null ? "" : `, after ${formatDuration(event.tookMs)}`}
              </span>
            ),
          ],
          ["From", `${event.provider}, ${event.endpoint}`],
          ["Lane", LANES[event.lane] ?? String(event.lane)],
          ["API version", event.apiVersion ?? "not said"],
          ["Sent again", event.duplicates === 0 ? "never" : plural(event.duplicates, "time")],
        ]}
      />
      <Changes event={event} />
      <Tries event={event} />
      <Body event={event} />
    </>
  );
}

/** Why the event is where it is, for a person. */
function why(event: EventDetail) {
  const reason = event.reason === null ? "" : ` ${event.reason}`;
  switch (event.state) {
    case "applied":
      return `The record agrees with it.${reason}`;
    case "ignored":
      return `It concerns nothing that is kept here.${reason}`;
    case "superseded":
      return (
        <>
          {event.reason ?? "A newer fact was there already."}{" "}
          {event.supersededBy === null ? null : <ObjectLink id={event.supersededBy} />}
        </>
      );
    case "waiting":
      return (
        <>
          It waits for {event.waitingFor ?? "its parent"}.{reason}
        </>
      );
    case "retrying":
      return (
        <>
          Its last try failed; the next is <When at={event.nextTryAt} none="soon" />.{reason}
        </>
      );
    case "held":
      return `It is kept until the room that understands it exists.${reason}`;
    case "quarantined":
      return `It was set aside so that others go on.${reason}`;
    case "dead":
      return `Its tries are used up. Replay it when the cause is gone.${reason}`;
    case "ready":
      return `It waits for its turn.${reason}`;
  }
}

/** The currency that the event itself names, for the amounts that it changed. */
function currencyOf(body: string | null): string | undefined {
  return body === null ? undefined : /"currency"\s*:\s*"([a-z]{3})"/u.exec(body)?.[1];
}

function Changes({ event }: { readonly event: EventDetail }) {
  const currency = currencyOf(event.body);
  return (
    <Section
      title="What it changed"
      side={event.changes.length === 0 ? undefined : plural(event.changes.length, "row")}
    >
      {event.changes.length === 0 ? (
        <p className="dim">Nothing in the record.</p>
      ) : (
        event.changes.map((change) => {
          const changed = Object.entries(change.changed);
          const [before, after] = change.summary.split(change.id);
          return (
            <div key={`${change.table} ${change.id}`} style={{ marginBottom: 12 }}>
              <p title={`${change.table} ${change.id}`}>
                {before} <ObjectLink id={change.id} keep={40} /> {after}
              </p>
              {changed.length === 0 ? null : (
                <Diff
                  before={Object.fromEntries(changed.map(([field, pair]) => [field, pair[0]]))}
                  after={Object.fromEntries(changed.map(([field, pair]) => [field, pair[1]]))}
                  currency={currency}
                />
              )}
            </div>
          );
        })
      )}
    </Section>
  );
}

function Tries({ event }: { readonly event: EventDetail }) {
  if (event.tries.length === 0) {
    return null;
  }
  return (
    <Section title="Failed tries" side={formatCount(event.attempts)}>
      <Timeline
        label="Tries"
        items={event.tries.map((attempt, at) => ({
          key: `${attempt.at} ${at}`,
          at: attempt.at,
          tone: eventTone(attempt.outcome),
          title: attempt.outcome,
          detail: (
            <>
              {attempt.error} <span className="dim">by {attempt.worker}</span>
            </>
          ),
        }))}
      />
    </Section>
  );
}

function Body({ event }: { readonly event: EventDetail }) {
  const headers = Object.entries(event.headers);
  return (
    <Section
      title="Exactly what was sent"
      side={
        <>
          kept until <When at={event.bodyKeptUntil} as="day" />
        </>
      }
    >
      {headers.length === 0 ? null : (
        <div style={{ marginBottom: 10 }}>
          <Facts rows={headers.map(([name, value]) => [name, <code key={name}>{value}</code>])} />
        </div>
      )}
      {event.body === null ? (
        <p className="dim">
          The body of {formatCount(event.bodyBytes)} bytes is past its retention; what it changed is
          kept.
        </p>
      ) : (
        <JsonView label="Body of the event" text={event.body} depth={3} />
      )}
    </Section>
  );
}
