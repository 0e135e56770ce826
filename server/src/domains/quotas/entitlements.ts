import type { Clock } from "#platform/clock.ts";

import type { QuotaRow } from "./model.ts";

/** Below the promised second, so that reading and answering fit into it too. */
const MAX_AGE_MS = 900;
/** Organizations kept at once; beyond it the oldest entry goes. */
const MAX_ENTRIES = 20_000;
/** The channel that the triggers of migration 0030 notify; the payload is an organization's id, or `*`. */
export const ENTITLEMENTS_CHANNEL = "purser_entitlements";

export interface EntitlementCache {
  /** Rows at most a second old; one read serves all who ask meanwhile. */
  get(
    workspaceId: number,
    organizationId: string,
    read: () => Promise<readonly QuotaRow[]>,
  ): Promise<readonly QuotaRow[]>;
  /** Called for every notification on `ENTITLEMENTS_CHANNEL`. */
  heard(payload: string): void;
  size(): number;
}

interface Entry {
  readonly organizationId: string;
  /** Monotonic milliseconds at which the read began: what changed after that may be missing from it. */
  readonly begunMs: number;
  readonly rows: Promise<readonly QuotaRow[]>;
}

/**
 * A cache that cannot be stale for longer than a second: notifications make it fresh at once, and the
 * age bound holds even where the listening connection is down or the change was made without a
 * trigger (usage is not notified, because a notification at every consume would serialize commits).
 * Gates in the product may ask here; consume always decides on the row.
 */
export function openEntitlementCache(clock: Clock): EntitlementCache {
  const entries = new Map<string, Entry>();

  function get(
    workspaceId: number,
    organizationId: string,
    read: () => Promise<readonly QuotaRow[]>,
  ): Promise<readonly QuotaRow[]> {
    const at = `${workspaceId}/${organizationId}`;
    const known = entries.get(at);
    const nowMs = clock.monotonicMs();
    if (known !== undefined && nowMs - known.begunMs < MAX_AGE_MS) {
      return known.rows;
    }
    const entry: Entry = { organizationId, begunMs: nowMs, rows: read() };
    entries.delete(at); // so that insertion order is age
    entries.set(at, entry);
    entry.rows.catch(() => {
      if (entries.get(at) === entry) {
        entries.delete(at);
      }
    });
    const oldest = entries.keys().next();
    if (entries.size > MAX_ENTRIES && oldest.done !== true) {
      entries.delete(oldest.value);
    }
    return entry.rows;
  }

  function heard(payload: string): void {
    if (payload === "*") {
      entries.clear();
      return;
    }
    for (const [at, entry] of entries) {
      if (entry.organizationId === payload) {
        entries.delete(at);
      }
    }
  }

  return { get, heard, size: () => entries.size };
}
