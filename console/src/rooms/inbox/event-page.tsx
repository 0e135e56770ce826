import { inboxShow } from "purser/contract/inbox";
import { Link } from "wouter";

import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { Page } from "../../kit/page.tsx";
import { ReplayButton } from "./event-panel.tsx";
import { EventView } from "./event-view.tsx";

/** One event with an address of its own, to paste into a chat. */
export function EventPage({ id }: { readonly id: string }) {
  const event = useOperation(inboxShow, { id });
  return (
    <Page
      title={event.data?.type ?? "Event"}
      sentence={<Link href="/inbox">Inbox</Link>}
      actions={<ReplayButton id={id} />}
    >
      <div className="page-scroll">
        <div className="page-narrow">
          <Load query={event} label="Loading the event" lines={14}>
            {(data) => <EventView event={data} />}
          </Load>
        </div>
      </div>
    </Page>
  );
}
