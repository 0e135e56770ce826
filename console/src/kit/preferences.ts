import { useSyncExternalStore } from "react";

/** What one person prefers on one machine. Not state of a page, so it lives in the browser and not in the address. */
interface Preferences {
  readonly utc: boolean;
  readonly narrowNav: boolean;
}

const KEY = "purser.preferences";
const DEFAULTS: Preferences = { utc: false, narrowNav: false };
const listeners = new Set<() => void>();

function load(): Preferences {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof parsed === "object" && parsed !== null ? { ...DEFAULTS, ...parsed } : DEFAULTS;
  } catch {
    return DEFAULTS; // storage is refused in some private windows; the console works without it
  }
}

let preferences = load();

function setPreferences(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // kept for this page only
  }
  for (const listener of listeners) {
    listener();
  }
}

export function toggleUtc(): void {
  setPreferences({ utc: !preferences.utc });
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
    () => preferences,
  );
}
