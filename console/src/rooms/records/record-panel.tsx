import { ActionIcon, Tooltip } from "@mantine/core";
import { IconArrowsMaximize } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useLocation } from "wouter";

import { SidePanel } from "../../kit/side-panel.tsx";

interface RecordPanelProps {
  readonly label: string;
  readonly title: string;
  /** Its own page. */
  readonly href: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** One record beside its list, with the way to its own page. */
export function RecordPanel({ label, title, href, onClose, children }: RecordPanelProps) {
  const [, navigate] = useLocation();
  return (
    <SidePanel
      label={label}
      title={title}
      onClose={onClose}
      actions={
        <Tooltip label="Open the whole page">
          <ActionIcon aria-label="Open the whole page" onClick={() => navigate(href)}>
            <IconArrowsMaximize size={15} />
          </ActionIcon>
        </Tooltip>
      }
    >
      {children}
    </SidePanel>
  );
}
