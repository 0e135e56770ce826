import { findOrganizations } from "#domains/directory/queries.ts";

import { type Batch, type Placed, foldPlain } from "./batch.ts";
import { writeRows } from "./columns.ts";
import {
  type Entry,
  type Outcome,
  foldInto,
  keyOf,
  loadEntries,
  outcomeOf,
  refsOf,
} from "./ledger.store.ts";
import type {
  Change,
  ChargeSnapshot,
  DisputeSnapshot,
  InvoicePaymentSnapshot,
  PaymentIntentSnapshot,
  RefundSnapshot,
} from "./model.ts";
import {
  chargeLaw,
  disputeLaw,
  invoicePaymentLaw,
  paymentIntentLaw,
  refundLaw,
} from "./payment.core.ts";
import { findParents, mergePayments } from "./payment.store.ts";
import {
  type MoneyExtra,
  dirtyOf,
  freshId,
  writeCharges,
  writeDisputes,
  writeInvoicePayments,
  writePaymentIntents,
  writeRefunds,
} from "./record.store.ts";
import type { Law } from "./stamp.core.ts";

export interface PaymentChanges {
  readonly payment_intent: readonly Placed<PaymentIntentSnapshot>[];
  readonly charge: readonly Placed<ChargeSnapshot>[];
  readonly invoice_payment: readonly Placed<InvoicePaymentSnapshot>[];
}

function touchPayment(batch: Batch, change: Change, stripePaymentId: string): void {
  const { workspaceId, eventId, atSeconds } = change.stamp;
  batch.payments.set(keyOf(workspaceId, stripePaymentId), {
    workspaceId,
    stripePaymentId,
    source: eventId,
    atSeconds,
  });
}

/** Payment intents, charges and their links to invoices; then the payments that they touch, computed anew. */
export async function applyPayments(batch: Batch, byKind: PaymentChanges): Promise<void> {
  const { tx, now } = batch.ctx;
  if (byKind.payment_intent.length > 0) {
    const table = { name: "payment_intents", key: "stripe_payment_intent_id" };
    const entries = await foldPlain(batch, byKind.payment_intent, table, paymentIntentLaw);
    await writeRows(tx, writePaymentIntents, dirtyOf(entries));
    for (const { change } of byKind.payment_intent) {
      touchPayment(batch, change, change.snapshot.id);
    }
  }
  if (byKind.charge.length > 0) {
    const table = { name: "charges", key: "stripe_charge_id" };
    const entries = await foldPlain(batch, byKind.charge, table, chargeLaw);
    await writeRows(tx, writeCharges, dirtyOf(entries));
    for (const { change } of byKind.charge) {
      touchPayment(batch, change, change.snapshot.paymentIntent ?? change.snapshot.id);
    }
  }
  if (byKind.invoice_payment.length > 0) {
    const table = { name: "invoice_payments", key: "stripe_invoice_payment_id" };
    const entries = await foldPlain(batch, byKind.invoice_payment, table, invoicePaymentLaw);
    await writeRows(tx, writeInvoicePayments, dirtyOf(entries));
    for (const { change } of byKind.invoice_payment) {
      touchPayment(batch, change, change.snapshot.payment);
    }
  }
  await mergePayments(tx, [...batch.payments.values()], {
    now,
    organizationsOf: (customers) => findOrganizations(tx, customers),
  });
}

/** Refunds and disputes name a payment; one whose payment is not known yet waits for it. */
export async function applyAgainstPayments(
  batch: Batch,
  refunds: readonly Placed<RefundSnapshot>[],
  disputes: readonly Placed<DisputeSnapshot>[],
): Promise<void> {
  if (refunds.length > 0) {
    const table = { name: "refunds", key: "stripe_refund_id" };
    const parentOf = ({ charge, paymentIntent }: RefundSnapshot): string | null =>
      charge ?? paymentIntent;
    const entries = await foldMoney(batch, refunds, { table, law: refundLaw, parentOf });
    await writeRows(batch.ctx.tx, writeRefunds, dirtyOf(entries));
  }
  if (disputes.length > 0) {
    const table = { name: "disputes", key: "stripe_dispute_id" };
    const parentOf = ({ charge }: DisputeSnapshot): string => charge;
    const entries = await foldMoney(batch, disputes, { table, law: disputeLaw, parentOf });
    await writeRows(batch.ctx.tx, writeDisputes, dirtyOf(entries));
  }
}

async function foldMoney<S extends RefundSnapshot | DisputeSnapshot>(
  batch: Batch,
  placed: readonly Placed<S>[],
  room: {
    readonly table: { readonly name: string; readonly key: string };
    readonly law: Law<S>;
    readonly parentOf: (snapshot: S) => string | null;
  },
): Promise<Map<string, Entry<S, MoneyExtra>>> {
  const { tx, now } = batch.ctx;
  const named = placed.flatMap(({ change }) => {
    const parent = room.parentOf(change.snapshot);
    return parent === null ? [] : [{ workspaceId: change.stamp.workspaceId, parent }];
  });
  const parents = await findParents(tx, {
    workspaces: named.map((each) => each.workspaceId),
    ids: named.map((each) => each.parent),
  });
  const entries = await loadEntries<S, MoneyExtra>(
    tx,
    { ...room.table, columns: ["id", "organization_id", "stripe_payment_id"] },
    refsOf(placed.map(({ change }) => change)),
    ([id, organizationId, payment]) => ({
      id: String(id),
      organizationId: typeof organizationId === "string" ? organizationId : null,
      stripePaymentId: typeof payment === "string" ? payment : null,
    }),
  );
  const kind = room.table.name === "refunds" ? "rfn" : "dsp";
  for (const { index, change } of placed) {
    const name = room.parentOf(change.snapshot);
    const parent = name === null ? null : parents.get(keyOf(change.stamp.workspaceId, name));
    if (name !== null && parent === undefined) {
      batch.outcomes[index] = waitingFor(name);
    } else {
      const extra = {
        id: freshId(kind, now),
        organizationId: parent?.organizationId ?? null,
        stripePaymentId: parent?.stripePaymentId ?? null,
      };
      const { entry, folded } = foldInto(entries, room.law, change, () => extra);
      entry.extra.organizationId = extra.organizationId;
      entry.extra.stripePaymentId = extra.stripePaymentId;
      batch.outcomes[index] = outcomeOf(folded, entry.isNew, extra.organizationId);
      entry.isNew = false;
    }
  }
  return entries;
}

function waitingFor(parent: string): Outcome {
  return {
    fate: "waiting",
    by: parent,
    reason: `${parent} is not known here yet.`,
    changed: {},
    first: false,
    organizationId: null,
    unsettled: false,
  };
}
