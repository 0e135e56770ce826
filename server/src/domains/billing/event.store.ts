import type { Tx } from "#platform/db/tx.ts";

import { type Upsert, upsertInto, writeRows } from "./columns.ts";

export interface EventRow {
  readonly workspaceId: number;
  readonly organizationId: string | null;
  readonly eventId: string;
  readonly eventType: string;
  readonly objectId: string;
  readonly fate: "applied" | "superseded" | "waiting" | "quarantined" | "failed";
  /** JSON: ids of the objects concerned, `changed`, and why it did not apply. */
  readonly data: string;
  readonly atSeconds: number;
  readonly receivedAtMs: number;
  readonly processedAtMs: number | null;
  readonly error: string | null;
}

const writeEvents: Upsert<EventRow> = upsertInto(
  "subscription_events",
  ["workspace_id", "stripe_event_id"],
  [
    { name: "workspace_id", type: "int4", of: (row) => row.workspaceId },
    { name: "organization_id", type: "text", of: (row) => row.organizationId },
    { name: "stripe_event_id", type: "text", of: (row) => row.eventId },
    { name: "event_type", type: "text", of: (row) => row.eventType },
    { name: "object_id", type: "text", of: (row) => row.objectId },
    { name: "fate", type: "text", of: (row) => row.fate },
    { name: "data", type: "json", of: (row) => row.data },
    { name: "occurred_at", type: "seconds", of: (row) => row.atSeconds },
    { name: "processed_at", type: "millis", of: (row) => row.processedAtMs },
    { name: "processing_error", type: "text", of: (row) => row.error },
    { name: "created_at", type: "millis", once: true, of: (row) => row.receivedAtMs },
  ],
  // A replay finds nothing left to change; what the event changed the first time stays told.
  "subscription_events.fate <> 'applied'",
);

/** One row per event handled. An event that comes again (replay) keeps the row of its first success. */
export async function recordEvents(tx: Tx, rows: readonly EventRow[]): Promise<void> {
  const byEvent = new Map<string, EventRow>();
  for (const row of rows) {
    byEvent.set(`${row.workspaceId} ${row.eventId}`, row);
  }
  await writeRows(tx, { ...writeEvents, exact: false }, [...byEvent.values()]);
}
