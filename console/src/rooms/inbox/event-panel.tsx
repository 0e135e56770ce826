import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconArrowsMaximize, IconLink } from "@tabler/icons-react";
import { inboxReplay, inboxShow } from "purser/contract/inbox";
import { useLocation } from "wouter";

import { useAct } from "../../app/act.tsx";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { mayRun, useSession } from "../../app/session.ts";
import { useCopied } from "../../kit/id-chip.tsx";
import { SidePanel } from "../../kit/side-panel.tsx";
import { EventView } from "./event-view.tsx";

interface EventPanelProps {
  readonly id: string;
  readonly onClose: () => void;
}

/** One event beside the list. */
export function EventPanel({ id, onClose }: EventPanelProps) {
  const event = useOperation(inboxShow, { id });
  const [, navigate] = useLocation();
  const [copied, copy] = useCopied();
  const page = `/inbox/events/${encodeURIComponent(id)}`;
  return (
    <SidePanel
      label="Event"
      title={event.data?.type ?? "Event"}
      onClose={onClose}
      actions={
        <>
          <ReplayButton id={id} />
          <Tooltip label={copied ? "Copied" : "Copy the link"}>
            <ActionIcon aria-label="Copy the link" onClick={() => copy(location.origin + page)}>
              <IconLink size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Open as a page">
            <ActionIcon aria-label="Open as a page" onClick={() => navigate(page)}>
              <IconArrowsMaximize size={15} />
            </ActionIcon>
          </Tooltip>
        </>
      }
    >
      <Load query={event} label="Loading the event" lines={12}>
        {(data) => <EventView event={data} />}
      </Load>
    </SidePanel>
  );
}

/** Shows the preview at once: the event is known, there is nothing to fill in. */
export function ReplayButton({ id }: { readonly id: string }) {
  const begin = useAct();
  const session = useSession();
  return mayRun(session.data, inboxReplay) ? (
    <Button onClick={() => begin(inboxReplay, { ids: [id] }, false)}>Replay…</Button>
  ) : null;
}
