import type { FoundOrganization } from "#domains/directory/model.ts";
import type { BatchCtx } from "#platform/context.ts";

import {
  type Entry,
  type Outcome,
  foldInto,
  keyOf,
  loadEntries,
  outcomeOf,
  refsOf,
} from "./ledger.store.ts";
import type { Change, Snapshot } from "./model.ts";
import type { PaymentRef } from "./payment.store.ts";
import type { Law } from "./stamp.core.ts";

/** One change at its place in the batch. */
export interface Placed<S extends Snapshot = Snapshot> {
  readonly index: number;
  readonly change: Change<S>;
}

/** What a batch shares while it is applied. */
export interface Batch {
  readonly ctx: BatchCtx;
  readonly outcomes: (Outcome | null)[];
  readonly organizations: Map<string, FoundOrganization>;
  /** Payments to be computed anew, by key. */
  readonly payments: Map<string, PaymentRef>;
  /** Organizations whose tier may have moved, with the event that may have moved it. */
  readonly tiers: Map<string, string>;
}

/** The customer that a snapshot names, where its kind names one. */
export function customerOf(snapshot: Snapshot): string | null {
  switch (snapshot.kind) {
    case "customer":
      return snapshot.id;
    case "subscription":
    case "invoice":
    case "payment_intent":
    case "charge":
      return snapshot.customer;
    case "refund":
    case "dispute":
    case "invoice_payment":
    case "product":
    case "price":
      return null;
  }
}

/** The organization of a customer named in this batch. */
export function organizationOf(batch: Batch, workspaceId: number, customer: string): string {
  const found = batch.organizations.get(keyOf(workspaceId, customer));
  if (found === undefined) {
    throw new Error(`No organization was resolved for ${customer}.`);
  }
  return found.organizationId;
}

/** Loads, folds and hands back the entries of a table whose rows have nothing but their snapshot. */
export async function foldPlain<S extends Snapshot>(
  batch: Batch,
  placed: readonly Placed<S>[],
  table: { readonly name: string; readonly key: string },
  law: Law<S>,
): Promise<Map<string, Entry<S, null>>> {
  const refs = refsOf(placed.map(({ change }) => change));
  const entries = await loadEntries<S, null>(
    batch.ctx.tx,
    { ...table, columns: [] },
    refs,
    () => null,
  );
  for (const { index, change } of placed) {
    const { entry, folded } = foldInto(entries, law, change, () => null);
    const customer = customerOf(change.snapshot);
    const organizationId =
      customer === null ? null : organizationOf(batch, change.stamp.workspaceId, customer);
    batch.outcomes[index] = outcomeOf(folded, entry.isNew, organizationId);
    entry.isNew = false;
  }
  return entries;
}
