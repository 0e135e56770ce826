import { useEffect, useRef, useSyncExternalStore } from "react";

/** A key or a chord of two ("g i"), what it does in words, and where it belongs in the help. */
export interface KeyBinding {
  readonly keys: string;
  readonly label: string;
  readonly group: string;
  readonly run: (event: KeyboardEvent) => void;
  /** Works while a field has the focus. Only for chords with Ctrl or Cmd. */
  readonly inFields?: boolean;
}

const CHORD_MS = 1200;
const live = new Set<{ current: readonly KeyBinding[] }>();
const watchers = new Set<() => void>();
let snapshot: readonly KeyBinding[] = [];
let pending: { readonly key: string; readonly at: number } | null = null;
let installed = false;

function inField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/u.test(target.tagName))
  );
}

/** A dialog owns the keyboard while it is open; only bindings made for fields pass. */
function dialogIsOpen(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"]') !== null;
}

function nameOf(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  return mod + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) {
    return;
  }
  const name = nameOf(event);
  const busy = inField(event.target) || dialogIsOpen();
  const chord =
    pending !== null && event.timeStamp - pending.at < CHORD_MS ? `${pending.key} ${name}` : null;
  pending = busy ? null : { key: name, at: event.timeStamp };
  const binding = find(chord, busy) ?? find(name, busy);
  if (binding !== undefined) {
    event.preventDefault();
    pending = null;
    binding.run(event);
  }
}

function find(keys: string | null, busy: boolean): KeyBinding | undefined {
  if (keys === null) {
    return undefined;
  }
  // The last to register wins: a table on a page shadows nothing it does not name.
  return [...live]
    .toReversed()
    .flatMap((each) => each.current)
    .find((each) => each.keys === keys && (!busy || each.inFields === true));
}

function changed(): void {
  snapshot = [...live].flatMap((each) => each.current);
  for (const watcher of watchers) {
    watcher();
  }
}

/** Registers keys while the component is on the page. Handlers may close over fresh state; nothing is re-registered. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const ref = useRef(bindings);
  useEffect(() => {
    ref.current = bindings;
  });
  useEffect(() => {
    if (!installed) {
      installed = true;
      document.addEventListener("keydown", onKeyDown);
    }
    live.add(ref);
    changed();
    return () => {
      live.delete(ref);
      changed();
    };
  }, []);
}

/** Every key that works on the page now, for the help. */
export function useAllKeys(): readonly KeyBinding[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => snapshot,
  );
}
