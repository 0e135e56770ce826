import { ActionIcon, Tooltip } from "@mantine/core";
import { IconArrowsMaximize, IconLink } from "@tabler/icons-react";
import { inboxReplay, inboxShow } from "purser/contract/inbox";
import { useLocation } from "wouter";

import { ActButton } from "../../app/act-button.tsx";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
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

const AT_ONCE = { form: false };

/** Shows the preview at once: the event is known, there is nothing to fill in. */
export function ReplayButton({ id }: { readonly id: string }) {
  return (
    <ActButton operation={inboxReplay} known={{ ids: [id] }} how={AT_ONCE}>
      Replay…
    </ActButton>
  );
}
