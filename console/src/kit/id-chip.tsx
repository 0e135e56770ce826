import { IconCheck, IconCopy } from "@tabler/icons-react";
import { type MouseEvent, useEffect, useState } from "react";

import { shortenId } from "./format.ts";

import "./small.css";

const CONFIRM_MS = 1200;

/** Copies text; false where the browser refuses (no permission, plain http on another host). */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** `true` for a moment after a copy, for the tick. */
export function useCopied(): readonly [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) {
      return;
    }
    const timer = setTimeout(() => setCopied(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, (text) => void copyText(text).then(setCopied)];
}

interface IdChipProps {
  readonly id: string;
  /** Characters to keep before the middle goes; `Infinity` shows all. */
  readonly keep?: number;
}

export function IdChip({ id, keep = 15 }: IdChipProps) {
  const [copied, copy] = useCopied();
  const onClick = (event: MouseEvent) => {
    event.stopPropagation(); // a chip in a row copies; it does not open the row
    event.preventDefault();
    copy(id);
  };
  const Icon = copied ? IconCheck : IconCopy;
  return (
    <button
      type="button"
      className="idchip"
      title={`${id}\nClick to copy`}
      data-copied={copied || undefined}
      onClick={onClick}
    >
      <span className="sr-only">{copied ? `Copied ${id}` : `Copy ${id}`}</span>
      <span aria-hidden>{shortenId(id, keep)}</span>
      <Icon size={12} aria-hidden />
    </button>
  );
}
