import { findOrganizations } from "#domains/directory/queries.ts";
import type { Tx } from "#platform/db/tx.ts";

import { keyOf } from "./ledger.store.ts";
import type { ObjectKind } from "./model.ts";
import { secondsOf } from "./stamp.core.ts";

const TABLES: Readonly<Record<Exclude<ObjectKind, "customer">, readonly [string, string]>> = {
  subscription: ["subscriptions", "stripe_subscription_id"],
  invoice: ["invoices", "stripe_invoice_id"],
  payment_intent: ["payment_intents", "stripe_payment_intent_id"],
  charge: ["charges", "stripe_charge_id"],
  refund: ["refunds", "stripe_refund_id"],
  dispute: ["disputes", "stripe_dispute_id"],
  invoice_payment: ["invoice_payments", "stripe_invoice_payment_id"],
  product: ["products", "stripe_product_id"],
  price: ["prices", "stripe_price_id"],
};

/** The provider's second of the state in force of an object, 0 where nothing is known of it. Locks nothing. */
export async function knownThrough(
  tx: Tx,
  object: { readonly workspaceId: number; readonly kind: ObjectKind; readonly id: string },
): Promise<number> {
  const { workspaceId, kind, id } = object;
  if (kind === "customer") {
    const found = await findOrganizations(tx, [{ workspaceId, customer: id }]);
    return secondsOf(found.get(keyOf(workspaceId, id))?.watermark ?? "");
  }
  const [table, key] = TABLES[kind];
  const found = await tx.client.query<{ watermark: string }>(
    `select watermark from ${table} where workspace_id = $1 and ${key} = $2`,
    [workspaceId, id],
  );
  return secondsOf(found.rows[0]?.watermark ?? "");
}
