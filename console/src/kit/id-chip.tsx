import { IconCheck, IconCopy } from "@tabler/icons-react";
import { createContext, type MouseEvent, useContext, useEffect, useState } from "react";

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

/** Set within a row that opens: there a click belongs to the row, and only the chip's icon copies. */
export const InRow = createContext(false);

/** An id, shortened in the middle. It copies by a click anywhere on it; within a row only by its icon. */
export function IdChip({ id, keep = 15 }: IdChipProps) {
  const inRow = useContext(InRow);
  const [copied, copy] = useCopied();
  const Icon = copied ? IconCheck : IconCopy;
  const button = {
    type: "button",
    title: `${id}\nClick to copy`,
    onClick: (event: MouseEvent) => {
      event.stopPropagation();
      event.preventDefault();
      copy(id);
    },
  } as const;
  const words = (
    <>
      <span className="sr-only">{copied ? `Copied ${id}` : `Copy ${id}`}</span>
      {inRow ? null : <span aria-hidden>{shortenId(id, keep)}</span>}
      <Icon size={12} aria-hidden />
    </>
  );
  return inRow ? (
    <span className="idchip" title={id} data-copied={copied || undefined}>
      <span className="idchip-words">{shortenId(id, keep)}</span>
      <button {...button} className="idchip-copy">
        {words}
      </button>
    </span>
  ) : (
    <button {...button} className="idchip" data-copied={copied || undefined}>
      {words}
    </button>
  );
}
