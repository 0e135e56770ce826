import { useEffect, useSyncExternalStore } from "react";

import { type Tone, ToneIcon } from "./status-pill.tsx";

import "./states.css";

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
  /** Offered for reversible acts. */
  readonly undo?: (() => void) | undefined;
}

const STAY_MS = 8000;
const listeners = new Set<() => void>();
let toasts: readonly Toast[] = [];
let last = 0;

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) {
    listener();
  }
}

/** Says what has just happened, once, in the corner. */
export function toast(tone: Tone, text: string, undo?: () => void): void {
  last += 1;
  set([...toasts.slice(-2), { id: last, tone, text, undo }]);
}

function dismiss(id: number): void {
  set(toasts.filter((each) => each.id !== id));
}

function ToastLine({ item }: { readonly item: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(item.id), STAY_MS);
    return () => clearTimeout(timer);
  }, [item.id]);
  const undo = item.undo;
  return (
    <div className="toast">
      <ToneIcon tone={item.tone} size={16} />
      <span>{item.text}</span>
      {undo === undefined ? null : (
        <button
          type="button"
          className="linklike"
          onClick={() => {
            dismiss(item.id);
            undo();
          }}
        >
          Undo
        </button>
      )}
    </div>
  );
}

export function Toasts() {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map((item) => (
        <ToastLine key={item.id} item={item} />
      ))}
    </div>
  );
}
