import { int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Tx } from "#platform/db/tx.ts";

import { type Upsert, upsertInto, writeRows } from "./columns.ts";
import type { ChargeSnapshot, PaymentIntentSnapshot } from "./model.ts";
import { type MergedPayment, mergePayment } from "./payment.core.ts";
import { freshId } from "./record.store.ts";

export interface PaymentRef {
  readonly workspaceId: number;
  readonly stripePaymentId: string;
  /** The event that touched it. */
  readonly source: string;
  readonly atSeconds: number;
}

interface PaymentRow {
  readonly ref: PaymentRef;
  readonly merged: MergedPayment;
  readonly organizationId: string | null;
  readonly id: string;
  readonly syncedAtMs: number;
}

const writePayments: Upsert<PaymentRow> = upsertInto(
  "payments",
  ["workspace_id", "stripe_payment_id"],
  [
    { name: "workspace_id", type: "int4", of: (row) => row.ref.workspaceId },
    { name: "stripe_payment_id", type: "text", of: (row) => row.merged.stripePaymentId },
    { name: "id", type: "text", once: true, of: (row) => row.id },
    { name: "organization_id", type: "text", of: (row) => row.organizationId },
    { name: "stripe_customer_id", type: "text", of: (row) => row.merged.customer },
    { name: "stripe_invoice_id", type: "text", of: (row) => row.merged.invoice },
    { name: "status", type: "text", of: (row) => row.merged.status },
    { name: "amount_cents", type: "int8", of: (row) => row.merged.amountMinor },
    { name: "amount_refunded_cents", type: "int8", of: (row) => row.merged.amountRefundedMinor },
    { name: "currency", type: "text", of: (row) => row.merged.currency },
    { name: "disputed", type: "bool", of: (row) => row.merged.disputed },
    { name: "failure_code", type: "text", of: (row) => row.merged.failureCode },
    { name: "failure_message", type: "text", of: (row) => row.merged.failureMessage },
    { name: "method", type: "text", of: (row) => row.merged.method },
    { name: "charge_ids", type: "words", of: (row) => row.merged.chargeIds.join(" ") },
    { name: "source", type: "text", of: (row) => row.ref.source },
    { name: "created_at", type: "seconds", of: (row) => row.merged.created },
    { name: "updated_at", type: "seconds", of: (row) => row.ref.atSeconds },
    { name: "synced_at", type: "millis", of: (row) => row.syncedAtMs },
  ],
  null,
);

interface Part {
  readonly workspace_id: number;
  readonly payment: string;
  readonly intent: string | null;
  readonly charges: readonly string[] | null;
  readonly invoice: string | null;
  readonly updated: number | null;
}

/**
 * Computes the given payments anew from their intents and charges as they stand in this transaction.
 * `organizationsOf` finds organizations by `"<workspace> <customer>"`.
 */
export async function mergePayments(
  tx: Tx,
  refs: readonly PaymentRef[],
  context: {
    readonly now: Date;
    readonly organizationsOf: (
      customers: readonly { readonly workspaceId: number; readonly customer: string }[],
    ) => Promise<ReadonlyMap<string, { readonly organizationId: string }>>;
  },
): Promise<void> {
  if (refs.length === 0) {
    return;
  }
  const wanted = refs.toSorted((a, b) => (a.stripePaymentId < b.stripePaymentId ? -1 : 1));
  const result = await tx.client.query<Part>({
    name: "payment_parts",
    text: `select k.w as workspace_id, k.id as payment,
                  (select i.snapshot from payment_intents i where i.workspace_id = k.w and i.stripe_payment_intent_id = k.id) as intent,
                  (select array_agg(c.snapshot) from charges c where c.workspace_id = k.w and c.stripe_payment_id = k.id) as charges,
                  (select min(ip.stripe_invoice_id) from invoice_payments ip where ip.workspace_id = k.w and ip.stripe_payment_id = k.id) as invoice,
                  greatest((select extract(epoch from i.updated_at)::int8 from payment_intents i where i.workspace_id = k.w and i.stripe_payment_intent_id = k.id),
                           (select extract(epoch from max(c.updated_at))::int8 from charges c where c.workspace_id = k.w and c.stripe_payment_id = k.id)) as updated
             from unnest($1::int4[], $2::text[]) as k (w, id)`,
    values: [
      int4Array(wanted.map((ref) => ref.workspaceId)),
      textArray(wanted.map((ref) => ref.stripePaymentId)),
    ],
  });
  const refOf = new Map(wanted.map((ref) => [`${ref.workspaceId} ${ref.stripePaymentId}`, ref]));
  const merged = result.rows.flatMap((part) => {
    const ref = refOf.get(`${part.workspace_id} ${part.payment}`);
    const payment = mergedOf(part);
    return ref === undefined || payment === null ? [] : [{ ref, part, payment }];
  });
  const organizations = await context.organizationsOf(
    merged.flatMap(({ ref, payment }) =>
      payment.customer === null
        ? []
        : [{ workspaceId: ref.workspaceId, customer: payment.customer }],
    ),
  );
  const rows = merged.map(({ ref, part, payment }): PaymentRow => ({
    ref: { ...ref, atSeconds: part.updated ?? ref.atSeconds },
    merged: { ...payment, invoice: payment.invoice ?? part.invoice },
    organizationId:
      organizations.get(`${ref.workspaceId} ${payment.customer}`)?.organizationId ?? null,
    id: freshId("pay", context.now),
    syncedAtMs: context.now.getTime(),
  }));
  await writeRows(tx, writePayments, rows);
}

function mergedOf(part: Part): MergedPayment | null {
  /* oxlint-disable typescript/no-unsafe-type-assertion -- written by this program as JSON of exactly these types */
  const intent = part.intent === null ? null : (JSON.parse(part.intent) as PaymentIntentSnapshot);
  const charges = (part.charges ?? []).map((text) => JSON.parse(text) as ChargeSnapshot);
  /* oxlint-enable typescript/no-unsafe-type-assertion */
  return mergePayment(part.payment, intent, charges);
}

export interface Parent {
  readonly organizationId: string | null;
  readonly stripePaymentId: string;
}

/** The payments behind charges or payment intents, by either id; a refund or dispute without one waits for it. */
export async function findParents(
  tx: Tx,
  refs: { readonly workspaces: readonly number[]; readonly ids: readonly string[] },
): Promise<ReadonlyMap<string, Parent>> {
  const parents = new Map<string, Parent>();
  if (refs.ids.length === 0) {
    return parents;
  }
  const result = await tx.client.query<{
    workspace_id: number;
    id: string;
    organization_id: string | null;
    stripe_payment_id: string;
  }>({
    name: "payment_parents",
    text: `select k.w as workspace_id, k.id, p.organization_id, p.stripe_payment_id
             from unnest($1::int4[], $2::text[]) as k (w, id)
             left join lateral (select stripe_payment_id from charges
                                 where workspace_id = k.w and stripe_charge_id = k.id limit 1) c on true
             cross join lateral (select organization_id, stripe_payment_id from payments
                                  where workspace_id = k.w and stripe_payment_id = coalesce(c.stripe_payment_id, k.id) limit 1) p`,
    values: [int4Array(refs.workspaces), textArray(refs.ids)],
  });
  for (const row of result.rows) {
    parents.set(`${row.workspace_id} ${row.id}`, {
      organizationId: row.organization_id,
      stripePaymentId: row.stripe_payment_id,
    });
  }
  return parents;
}
