import { ActionIcon, Tooltip } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";

import { useKeys } from "./keys.ts";
import { usePhone } from "./media.ts";

import "./page.css";

interface SidePanelProps {
  /** Names the panel for screen readers. */
  readonly label: string;
  readonly title: ReactNode;
  readonly actions?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/**
 * One thing beside its list. It is not a dialog: the list stays in use and keeps the keyboard, so j and k walk through
 * the things themselves. On a phone it takes the screen and the focus.
 */
export function SidePanel({ label, title, actions, onClose, children }: SidePanelProps) {
  const phone = usePhone();
  const ref = useRef<HTMLElement>(null);
  useKeys([
    { keys: "Escape", label: "Close the panel", group: "Lists", run: onClose },
    { keys: "l", label: "Into the panel", group: "Lists", run: () => ref.current?.focus() },
  ]);
  useEffect(() => {
    if (phone) {
      ref.current?.focus();
    }
  }, [phone]);
  return (
    <aside ref={ref} className="panel" aria-label={label} tabIndex={-1}>
      <header className="panel-head">
        <h2>{title}</h2>
        <div className="panel-actions">
          {actions}
          <Tooltip label="Close (Esc)">
            <ActionIcon aria-label="Close" onClick={onClose}>
              <IconX size={16} />
            </ActionIcon>
          </Tooltip>
        </div>
      </header>
      <div className="panel-body">{children}</div>
    </aside>
  );
}
