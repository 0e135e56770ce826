import { moveTiers, resolveOrganizations, saveCustomers } from "#domains/directory/commands.ts";
import type { CustomerRef } from "#domains/directory/model.ts";
import type { BatchCtx } from "#platform/context.ts";

import { type Batch, type Placed, customerOf, foldPlain, organizationOf } from "./batch.ts";
import { customerLaw, priceLaw, productLaw } from "./catalogue.core.ts";
import { writeRows } from "./columns.ts";
import { eventRowOf } from "./event-row.core.ts";
import { recordEvents } from "./event.store.ts";
import { tierChanged } from "./events.ts";
import { invoiceLaw } from "./invoice.core.ts";
import { refetchObject } from "./jobs.ts";
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
  CustomerSnapshot,
  DisputeSnapshot,
  InvoicePaymentSnapshot,
  InvoiceSnapshot,
  ObjectKind,
  PaymentIntentSnapshot,
  PriceSnapshot,
  ProductSnapshot,
  RefundSnapshot,
  SubscriptionSnapshot,
} from "./model.ts";
import { applyAgainstPayments, applyPayments } from "./payment.commands.ts";
import {
  type Owned,
  dirtyOf,
  freshId,
  writeInvoices,
  writePrices,
  writeProducts,
} from "./record.store.ts";
import { applySubscriptions } from "./subscription.commands.ts";
import { parseTier, tierOfOrganization } from "./tier.core.ts";
import { votesOf } from "./tier.store.ts";

/**
 * Applies what the provider said to the record: any number of changes of any kinds and workspaces,
 * in the order given, in the transaction given. Reads each table once, folds in memory, writes
 * each object once.
 *
 * Answers one outcome per change, in the same order. Rows of `subscription_events` are written here.
 */
export async function applyChanges(
  ctx: BatchCtx,
  changes: readonly Change[],
): Promise<readonly Outcome[]> {
  const batch: Batch = {
    ctx,
    outcomes: changes.map(() => null),
    organizations: await resolveOrganizations(ctx.tx, customersIn(changes), ctx.now),
    payments: new Map(),
    tiers: new Map(),
  };
  const byKind = partition(changes);
  await applyCustomers(batch, byKind.customer);
  await applyCatalogue(batch, byKind.product, byKind.price);
  await applySubscriptions(batch, byKind.subscription);
  await applyInvoices(batch, byKind.invoice);
  await applyPayments(batch, byKind);
  await applyAgainstPayments(batch, byKind.refund, byKind.dispute);
  await applyTiers(batch);
  return finish(batch, changes);
}

interface ByKind {
  readonly customer: Placed<CustomerSnapshot>[];
  readonly subscription: Placed<SubscriptionSnapshot>[];
  readonly invoice: Placed<InvoiceSnapshot>[];
  readonly payment_intent: Placed<PaymentIntentSnapshot>[];
  readonly charge: Placed<ChargeSnapshot>[];
  readonly refund: Placed<RefundSnapshot>[];
  readonly dispute: Placed<DisputeSnapshot>[];
  readonly invoice_payment: Placed<InvoicePaymentSnapshot>[];
  readonly product: Placed<ProductSnapshot>[];
  readonly price: Placed<PriceSnapshot>[];
}

function partition(changes: readonly Change[]): ByKind {
  const byKind: ByKind = {
    customer: [],
    subscription: [],
    invoice: [],
    payment_intent: [],
    charge: [],
    refund: [],
    dispute: [],
    invoice_payment: [],
    product: [],
    price: [],
  };
  for (const [index, change] of changes.entries()) {
    const list: Placed[] = byKind[change.snapshot.kind];
    list.push({ index, change });
  }
  return byKind;
}

/** Every customer that the changes name, with the earliest moment at which one did. */
function customersIn(changes: readonly Change[]): CustomerRef[] {
  const refs = new Map<string, CustomerRef>();
  for (const { stamp, snapshot } of changes) {
    const customer = customerOf(snapshot);
    if (customer !== null) {
      const key = keyOf(stamp.workspaceId, customer);
      const known = refs.get(key);
      const whole = known?.whole === true || snapshot.kind === "customer";
      const isFirst = known === undefined || stamp.atSeconds < known.seenAtSeconds;
      if (known === undefined || isFirst || whole !== known.whole) {
        const seenAtSeconds = isFirst ? stamp.atSeconds : known.seenAtSeconds;
        refs.set(key, { workspaceId: stamp.workspaceId, customer, seenAtSeconds, whole });
      }
    }
  }
  return [...refs.values()].toSorted((a, b) => (a.customer < b.customer ? -1 : 1));
}

async function applyCustomers(
  batch: Batch,
  placed: readonly Placed<CustomerSnapshot>[],
): Promise<void> {
  if (placed.length === 0) {
    return;
  }
  const entries = new Map<string, Entry<CustomerSnapshot, string>>();
  for (const { change } of placed) {
    const { workspaceId } = change.stamp;
    const key = keyOf(workspaceId, change.snapshot.id);
    const found = batch.organizations.get(key);
    if (found !== undefined) {
      const { watermark, fetchedThrough, snapshot: text, source, organizationId } = found;
      entries.set(key, {
        workspaceId,
        key: change.snapshot.id,
        held: watermark === "" ? null : { watermark, fetchedThrough, text, snapshot: null },
        source,
        syncedAtMs: 0,
        extra: organizationId,
        dirty: false,
        isNew: watermark === "",
      });
    }
  }
  for (const { index, change } of placed) {
    const { entry, folded } = foldInto(entries, customerLaw, change, () => "");
    batch.outcomes[index] = outcomeOf(folded, entry.isNew, entry.extra);
    entry.isNew = false;
  }
  await saveCustomers(
    batch.ctx.tx,
    dirtyOf(entries).map(({ entry, snapshot, watermark, fetchedThrough, text }) => ({
      workspaceId: entry.workspaceId,
      customer: snapshot.id,
      organizationId: entry.extra,
      name: snapshot.name,
      email: snapshot.email,
      phone: snapshot.phone,
      currency: snapshot.currency,
      balanceMinor: snapshot.balanceMinor,
      delinquent: snapshot.delinquent,
      deletedAtSeconds: snapshot.deleted ? Number(watermark.slice(1, 12)) : null,
      createdSeconds: snapshot.created,
      externalId: snapshot.externalId,
      displayName: snapshot.name ?? snapshot.email ?? snapshot.description ?? snapshot.id,
      watermark,
      fetchedThrough,
      snapshot: text,
      source: entry.source,
    })),
    batch.ctx.now,
  );
}

async function applyCatalogue(
  batch: Batch,
  products: readonly Placed<ProductSnapshot>[],
  prices: readonly Placed<PriceSnapshot>[],
): Promise<void> {
  if (products.length > 0) {
    const table = { name: "products", key: "stripe_product_id" };
    const entries = await foldPlain(batch, products, table, productLaw);
    await writeRows(batch.ctx.tx, writeProducts, dirtyOf(entries));
  }
  if (prices.length > 0) {
    const table = { name: "prices", key: "stripe_price_id" };
    const entries = await foldPlain(batch, prices, table, priceLaw);
    await writeRows(batch.ctx.tx, writePrices, dirtyOf(entries));
  }
}

async function applyInvoices(
  batch: Batch,
  placed: readonly Placed<InvoiceSnapshot>[],
): Promise<void> {
  if (placed.length === 0) {
    return;
  }
  const { ctx } = batch;
  const entries = await loadEntries<InvoiceSnapshot, Owned>(
    ctx.tx,
    { name: "invoices", key: "stripe_invoice_id", columns: ["id", "organization_id"] },
    refsOf(placed.map(({ change }) => change)),
    ([id, organizationId]) => ({ id: String(id), organizationId: String(organizationId) }),
  );
  for (const { index, change } of placed) {
    const organizationId = organizationOf(
      batch,
      change.stamp.workspaceId,
      change.snapshot.customer,
    );
    const { entry, folded } = foldInto(entries, invoiceLaw, change, () => ({
      id: freshId("inv", ctx.now),
      organizationId,
    }));
    batch.outcomes[index] = outcomeOf(folded, entry.isNew, entry.extra.organizationId);
    entry.isNew = false;
  }
  await writeRows(ctx.tx, writeInvoices, dirtyOf(entries));
}

async function applyTiers(batch: Batch): Promise<void> {
  const { ctx } = batch;
  const ids = [...batch.tiers.keys()];
  const moves = await moveTiers(
    ctx.tx,
    ids,
    async () => {
      const votes = await votesOf(ctx.tx, ids);
      return new Map(
        ids.map((id) => [
          id,
          { tier: tierOfOrganization(votes.get(id) ?? []), because: batch.tiers.get(id) ?? "" },
        ]),
      );
    },
    ctx.now,
  );
  await announceTiers(ctx, moves);
}

/** At most this many organizations in one announcement: it is one row of a queue. */
const TIERS_PER_ANNOUNCEMENT = 200;

export async function announceTiers(
  ctx: BatchCtx,
  moves: Awaited<ReturnType<typeof moveTiers>>,
): Promise<void> {
  const workspaces = new Set(moves.map((move) => move.workspaceId));
  for (const workspaceId of workspaces) {
    const changes = moves
      .filter((move) => move.workspaceId === workspaceId)
      .map(({ organizationId, from, to, because }) => ({
        organizationId,
        from: parseTier(from) ?? "free",
        to: parseTier(to) ?? "free",
        because,
      }));
    for (let start = 0; start < changes.length; start += TIERS_PER_ANNOUNCEMENT) {
      await ctx.announce(
        tierChanged,
        { workspaceId, changes: changes.slice(start, start + TIERS_PER_ANNOUNCEMENT) },
        { workspaceId },
      );
    }
  }
}

async function finish(batch: Batch, changes: readonly Change[]): Promise<readonly Outcome[]> {
  const { ctx } = batch;
  const nowMs = ctx.now.getTime();
  const told = changes.map((change, index) => {
    const outcome = batch.outcomes[index];
    if (outcome === null || outcome === undefined) {
      throw new Error(`The change of ${change.snapshot.id} was given no outcome.`);
    }
    return { change, outcome };
  });
  await recordEvents(
    ctx.tx,
    told.map(({ change, outcome }) => eventRowOf(change, outcome, nowMs)),
  );
  for (const { change, outcome } of told) {
    if (outcome.unsettled) {
      await askProvider(ctx, change);
    }
  }
  return told.map(({ outcome }) => outcome);
}

async function askProvider(ctx: BatchCtx, { stamp, snapshot }: Change): Promise<void> {
  const { workspaceId, atSeconds } = stamp;
  await ctx.enqueue(
    refetchObject,
    { workspaceId, kind: snapshot.kind, id: snapshot.id, atLeastSeconds: atSeconds, reason: "tie" },
    { workspaceId, key: snapshot.id },
  );
}

/** An event that names one of our objects but cannot be read. */
export interface Unreadable {
  readonly workspaceId: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly object: { readonly kind: ObjectKind; readonly id: string } | null;
  readonly atSeconds: number;
  readonly receivedAtMs: number;
  readonly reason: string;
}

/** Notes events that could not be read and asks the provider for their objects in a shape that can. */
export async function quarantineUnreadable(
  ctx: BatchCtx,
  events: readonly Unreadable[],
): Promise<void> {
  await recordEvents(
    ctx.tx,
    events.map((event) => ({
      workspaceId: event.workspaceId,
      organizationId: null,
      eventId: event.eventId,
      eventType: event.eventType,
      objectId: event.object?.id ?? "",
      fate: "quarantined" as const,
      data: JSON.stringify({
        object: event.object?.kind ?? null,
        id: event.object?.id ?? null,
        changed: {},
      }),
      atSeconds: event.atSeconds,
      receivedAtMs: event.receivedAtMs,
      processedAtMs: ctx.now.getTime(),
      error: event.reason,
    })),
  );
  for (const { workspaceId, object, atSeconds } of events) {
    if (object !== null) {
      await ctx.enqueue(
        refetchObject,
        { workspaceId, ...object, atLeastSeconds: atSeconds, reason: "unreadable" },
        { workspaceId, key: object.id },
      );
    }
  }
}
