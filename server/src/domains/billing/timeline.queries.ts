import type { Tx } from "#platform/db/tx.ts";

import type { TimelineEntry } from "./contract.ts";
import { requireOrganization } from "./queries.ts";
import { type Raw, changedOf, instantOf, isRaw, text, textOrNull } from "./views.ts";

/** Each source brings its newest `$4` before the cursor; merging their heads gives the newest of all. */
const SOURCES: readonly string[] = [
  `select 'event' as kind, e.occurred_at as at, 'e' || e.stripe_event_id as id, e.event_type as title, e.object_id, e.stripe_event_id as event_id,
          null::int8 as minor, null as currency, 'stripe' as actor, e.data
     from subscription_events e where e.organization_id = $1 and e.workspace_id = $2`,
  `select 'invoice', i.created_at, 'i' || i.id, 'Invoice ' || coalesce(i.number, i.stripe_invoice_id) || ' (' || i.status || ')', i.stripe_invoice_id, null,
          i.total_cents, i.currency, null, null::jsonb from invoices i where i.organization_id = $1 and i.workspace_id = $2`,
  `select 'payment', p.created_at, 'p' || p.id, 'Payment ' || p.status || coalesce(': ' || p.failure_message, ''), p.stripe_payment_id, null,
          p.amount_cents, p.currency, null, null::jsonb from payments p where p.organization_id = $1 and p.workspace_id = $2`,
  `select 'refund', r.created_at, 'r' || r.id, 'Refund ' || r.status || coalesce(', ' || replace(r.reason, '_', ' '), ''), r.stripe_refund_id, null,
          r.amount_cents, r.currency, null, null::jsonb from refunds r where r.organization_id = $1 and r.workspace_id = $2`,
  `select 'dispute', d.created_at, 'd' || d.id, 'Dispute ' || replace(d.status, '_', ' ') || ', ' || replace(d.reason, '_', ' '), d.stripe_dispute_id, null,
          d.amount_cents, d.currency, null, null::jsonb from disputes d where d.organization_id = $1 and d.workspace_id = $2`,
  // The lines of people only: what the inbox did with an event is told by the event itself.
  `select 'staff', a.at, 'a' || a.id, replace(replace(a.action, '.', ' '), '_', ' '), a.subject_id, null, null::int8, null, a.actor_name, a.detail
     from audit_entries a where a.organization_id = $1 and a.workspace_id = $2 and a.actor_kind in ('staff', 'token', 'operator')`,
];

const LIST = SOURCES.map(
  (source) =>
    `(select * from (${source}) as s (kind, at, id, title, object_id, event_id, minor, currency, actor, data)
       where $3::int8 is null or (at, id) < (to_timestamp($3::int8 / 1e6), $5::text) order by at desc, id desc limit $4)`,
).join(" union all ");

/** Everything that happened to a customer, newest first, in one list. */
export async function customerTimeline(
  tx: Tx,
  workspaceId: number,
  filter: { readonly id: string; readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ items: TimelineEntry[]; nextCursor: string | null }> {
  const organizationId = await requireOrganization(tx, workspaceId, filter.id);
  const [at, after] =
    filter.cursor === undefined
      ? [null, null]
      : Buffer.from(filter.cursor, "base64url").toString("utf8").split("|");
  const found = await tx.client.query<Raw>(
    `select *, (extract(epoch from at) * 1000000)::int8::text as cursor_at from (${LIST}) all_of_it
      order by at desc, id desc limit $4`,
    [
      organizationId,
      workspaceId,
      /^\d{1,20}$/.test(at ?? "") ? at : null,
      filter.limit + 1,
      after ?? null,
    ],
  );
  const items = found.rows.slice(0, filter.limit);
  const last = items.at(-1);
  return {
    items: items.map(entryOf),
    nextCursor:
      found.rows.length > filter.limit && last !== undefined
        ? Buffer.from(`${text(last, "cursor_at")}|${text(last, "id")}`).toString("base64url")
        : null,
  };
}

const KINDS = ["event", "invoice", "payment", "refund", "dispute", "staff"] as const;

function entryOf(raw: Raw): TimelineEntry {
  const data = raw["data"];
  const currency = textOrNull(raw, "currency");
  return {
    at: instantOf(raw, "at"),
    kind: KINDS.find((kind) => kind === raw["kind"]) ?? "event",
    title: text(raw, "title"),
    objectId: textOrNull(raw, "object_id"),
    eventId: textOrNull(raw, "event_id"),
    amount: currency === null ? null : { minor: Number(raw["minor"]), currency },
    actor: textOrNull(raw, "actor"),
    changed: isRaw(data) ? changedOf(data["changed"]) : {},
  };
}
