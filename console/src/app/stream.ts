import { useSyncExternalStore } from "react";

import { nowMs } from "../kit/clock.ts";

/** What the server says has changed; the console then asks again for what it shows. */
export const TOPICS = ["inbox", "record", "jobs", "controls"] as const;
export type Topic = (typeof TOPICS)[number];

/** `lostAtMs` is when we last heard anything, in epoch milliseconds. */
export type Connection =
  | { readonly kind: "connecting" | "live" }
  | { readonly kind: "lost"; readonly lostAtMs: number };

const ADDRESS = "/api/stream";
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 15_000;

const watchers = new Set<() => void>();
const topicListeners = new Set<(topic: Topic) => void>();
let connection: Connection = { kind: "connecting" };
let source: EventSource | null = null;
let retryMs = RETRY_FIRST_MS;
let retry: ReturnType<typeof setTimeout> | undefined;

function set(next: Connection): void {
  if (next.kind === "lost" && connection.kind === "lost") {
    return; // keep the moment at which it was lost
  }
  connection = next;
  for (const watcher of watchers) {
    watcher();
  }
}

function tell(topic: Topic): void {
  for (const listener of topicListeners) {
    listener(topic);
  }
}

/** The browser gives up for good on an HTTP error, and waits long after some network errors: we ask again ourselves. */
function lose(): void {
  set({ kind: "lost", lostAtMs: nowMs() });
  source?.close();
  clearTimeout(retry);
  retry = setTimeout(open, retryMs);
  retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
}

function open(): void {
  clearTimeout(retry);
  source?.close();
  source = new EventSource(ADDRESS);
  source.addEventListener("open", () => {
    const wasLost = connection.kind === "lost";
    retryMs = RETRY_FIRST_MS;
    set({ kind: "live" });
    if (wasLost) {
      TOPICS.forEach(tell); // whatever happened meanwhile was not told
    }
  });
  source.addEventListener("error", lose);
  for (const topic of TOPICS) {
    source.addEventListener(topic, () => tell(topic));
  }
}

/** Opens the stream of changes; returns its end. One per page. */
export function connectStream(onTopic: (topic: Topic) => void): () => void {
  topicListeners.add(onTopic);
  open();
  const again = () => {
    if (document.visibilityState === "visible" && connection.kind === "lost") {
      retryMs = RETRY_FIRST_MS;
      open();
    }
  };
  document.addEventListener("visibilitychange", again);
  window.addEventListener("online", again);
  window.addEventListener("offline", lose); // an open stream does not notice an unplugged cable for minutes
  return () => {
    topicListeners.delete(onTopic);
    document.removeEventListener("visibilitychange", again);
    window.removeEventListener("online", again);
    window.removeEventListener("offline", lose);
    clearTimeout(retry);
    source?.close();
    source = null;
    connection = { kind: "connecting" };
  };
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => connection,
  );
}
