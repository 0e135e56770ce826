import { Modal } from "@mantine/core";
import {
  type ComponentType,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

import { KeyCaps } from "./keys-help.tsx";
import { takeTyped } from "./type-ahead.ts";

import "./dialogs.css";

export interface PaletteItem {
  readonly key: string;
  readonly group: string;
  readonly title: string;
  readonly detail?: string | undefined;
  /** Keys that do the same. */
  readonly keys?: string | undefined;
  readonly icon: ComponentType<{ readonly size: number }>;
  readonly run: () => void;
}

interface PaletteProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  /** Already filtered and in order; groups in order of their first item. */
  readonly items: readonly PaletteItem[];
  /** Still asking the server. */
  readonly searching: boolean;
}

/** Finds anything and runs anything. The list is drawn at once; what the server finds is added below, never above. */
export function Palette({ opened, onClose, query, onQuery, items, searching }: PaletteProps) {
  const id = useId();
  const [at, setAt] = useState(0);
  const input = useTypedAhead((typed) => onQuery(query + typed));
  const current = items[Math.min(at, items.length - 1)];
  const currentId = current === undefined ? undefined : `${id}-${current.key}`;
  useEffect(() => {
    if (currentId !== undefined) {
      document.getElementById(currentId)?.scrollIntoView({ block: "nearest" });
    }
  }, [currentId]);
  const pick = (item: PaletteItem | undefined) => {
    if (item !== undefined) {
      onClose();
      item.run();
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined && items.length > 0) {
      event.preventDefault();
      setAt((Math.min(at, items.length - 1) + by + items.length) % items.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      pick(current);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={620}
      classNames={{ body: "palette-body", header: "sr-only" }}
      transitionProps={{ duration: 0 }}
      title="Find anything, run anything"
    >
      <input
        className="palette-input"
        ref={input}
        data-autofocus
        role="combobox"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={currentId}
        aria-label="Find by id, address or name, or run an operation"
        placeholder="Find by id, address or name, or run an operation"
        spellCheck={false}
        autoComplete="off"
        value={query}
        onChange={(event) => {
          setAt(0);
          onQuery(event.currentTarget.value);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={`${id}-list`} className="palette-list" role="listbox" aria-label="Found">
        {items.map((item, index) => (
          <PaletteLine
            key={item.key}
            id={`${id}-${item.key}`}
            item={item}
            heading={items[index - 1]?.group === item.group ? null : item.group}
            current={item === current}
            onPick={() => pick(item)}
            onHover={() => setAt(index)}
          />
        ))}
      </div>
      <div className="palette-foot" role="status">
        <span>{footWords(searching, items.length, query)}</span>
      </div>
    </Modal>
  );
}

/** A ref that takes the focus at once, before a dialog would, and with it what was typed before the field was there. */
function useTypedAhead(onTyped: (typed: string) => void): (element: HTMLElement | null) => void {
  const latest = useRef(onTyped);
  useLayoutEffect(() => {
    latest.current = onTyped;
  });
  return useCallback((element) => {
    element?.focus();
    const typed = element === null ? "" : takeTyped();
    if (typed !== "") {
      latest.current(typed);
    }
  }, []);
}

function footWords(searching: boolean, count: number, query: string): string {
  if (searching) {
    return "Searching the record…";
  }
  if (count === 0) {
    return `Nothing has the id, address or name “${query}”, and no operation is called so.`;
  }
  return "↑ ↓ to move, Enter to open, Esc to leave";
}

interface PaletteLineProps {
  readonly id: string;
  readonly item: PaletteItem;
  readonly heading: string | null;
  readonly current: boolean;
  readonly onPick: () => void;
  readonly onHover: () => void;
}

function PaletteLine({ id, item, heading, current, onPick, onHover }: PaletteLineProps) {
  const Icon = item.icon;
  return (
    <>
      {heading === null ? null : (
        <div className="palette-group" role="presentation">
          {heading}
        </div>
      )}
      {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the combobox above has the keys */}
      <div
        id={id}
        className="palette-item"
        role="option"
        tabIndex={-1}
        aria-selected={current}
        onClick={onPick}
        onMouseMove={current ? undefined : onHover}
      >
        <Icon size={16} />
        <span className="palette-words">
          {item.title}
          {item.detail === undefined ? null : <span className="palette-detail">{item.detail}</span>}
        </span>
        {item.keys === undefined ? null : <KeyCaps keys={item.keys} />}
      </div>
    </>
  );
}
