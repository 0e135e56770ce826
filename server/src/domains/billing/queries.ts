import type { Tx } from "#platform/db/tx.ts";
import { Problem } from "#platform/problem.ts";

import { unknownCustomer, unknownInvoice, unknownSubscription } from "./problems.ts";
import {
  type Raw,
  customerView,
  disputeView,
  eventView,
  invoiceView,
  paymentView,
  refundView,
  subscriptionView,
  text,
  textOrNull,
} from "./views.ts";

interface PageFilter {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** Rows of a statement, as they are. */
async function rows(tx: Tx, sql: string, values: readonly unknown[]): Promise<Raw[]> {
  const result = await tx.client.query<Raw>(sql, [...values]);
  return result.rows;
}

/** A cursor is the microsecond and the id of the last row, which is what the lists are ordered by. */
function cursorOf(raw: Raw): string {
  return Buffer.from(`${text(raw, "cursor_at")}|${text(raw, "id")}`).toString("base64url");
}

function readCursor(cursor: string | undefined): readonly [string | null, string | null] {
  if (cursor === undefined) {
    return [null, null];
  }
  const [at, id] = Buffer.from(cursor, "base64url").toString("utf8").split("|");
  return /^\d{1,20}$/.test(at ?? "") && id !== undefined ? [at ?? null, id] : [null, null];
}

/** One page of a list ordered by (created_at, id), newest first. `where` numbers its parameters from $4. */
async function page<Item>(
  tx: Tx,
  filter: PageFilter,
  list: {
    readonly select: string;
    readonly alias: string;
    readonly where: readonly string[];
    readonly values: readonly unknown[];
    readonly view: (raw: Raw) => Item;
  },
): Promise<Page<Item>> {
  const [at, id] = readCursor(filter.cursor);
  const { alias } = list;
  const wanted = [
    `($1::int8 is null or (${alias}.created_at, ${alias}.id) < (to_timestamp($1::int8 / 1e6), $2::text))`,
    ...list.where,
  ];
  const found = await rows(
    tx,
    `${list.select} where ${wanted.join(" and ")} order by ${alias}.created_at desc, ${alias}.id desc limit $3`,
    [at, id, filter.limit + 1, ...list.values],
  );
  const items = found.slice(0, filter.limit);
  const last = items.at(-1);
  return {
    items: items.map(list.view),
    nextCursor: found.length > filter.limit && last !== undefined ? cursorOf(last) : null,
  };
}

function cursorColumn(alias: string): string {
  return `(extract(epoch from ${alias}.created_at) * 1000000)::int8::text as cursor_at`;
}

const SUBSCRIPTIONS = `select s.*, o.name as organization_name, ${cursorColumn("s")}
  from subscriptions s join organizations o on o.id = s.organization_id`;
const INVOICES = `select i.*, o.name as organization_name, ${cursorColumn("i")}
  from invoices i join organizations o on o.id = i.organization_id`;
const PAYMENTS = `select p.*, o.name as organization_name, ${cursorColumn("p")}
  from payments p left join organizations o on o.id = p.organization_id`;
const CUSTOMERS = `select o.*, ${cursorColumn("o")},
    (select array_agg(p.provider_customer_id order by p.created_at) from organization_provider_ids p where p.organization_id = o.id) as customer_ids,
    (select s.status from subscriptions s where s.organization_id = o.id
      order by array_position(array['past_due', 'active', 'trialing', 'unpaid', 'paused', 'incomplete', 'canceled', 'incomplete_expired'], s.status), s.created_at desc limit 1) as subscription_status
  from organizations o`;

/** Conditions that are given, each with its value; the first three parameters belong to `page`. */
function conditions(given: readonly (readonly [sql: string, value: unknown])[]): {
  where: string[];
  values: unknown[];
} {
  const used = given.filter(([, value]) => value !== undefined && value !== null);
  return {
    where: used.map(([sql], index) => sql.replace("?", `$${index + 4}`)),
    values: used.map(([, value]) => value),
  };
}

/** The organization that an id of any kind belongs to: ours, the product's, the provider's customer, subscription, invoice, payment or charge, an email address. */
async function findOrganization(
  tx: Tx,
  workspaceId: number,
  anyId: string,
): Promise<string | null> {
  const found = await organizationsOf(tx, workspaceId, anyId);
  return found[0] ?? null;
}

async function organizationsOf(tx: Tx, workspaceId: number, anyId: string): Promise<string[]> {
  const found = await rows(
    tx,
    `select id from organizations where workspace_id = $1 and id = $2
     union select id from organizations where workspace_id = $1 and external_id = $2
     union select organization_id from organization_provider_ids where workspace_id = $1 and provider_customer_id = $2
     union select organization_id from subscriptions where workspace_id = $1 and stripe_subscription_id = $2
     union select organization_id from subscriptions where workspace_id = $1 and id = $2
     union select organization_id from invoices where workspace_id = $1 and stripe_invoice_id = $2
     union select organization_id from invoices where workspace_id = $1 and id = $2
     union select organization_id from payments where workspace_id = $1 and stripe_payment_id = $2
     union select p.organization_id from charges c join payments p on p.workspace_id = c.workspace_id and p.stripe_payment_id = c.stripe_payment_id
            where c.workspace_id = $1 and c.stripe_charge_id = $2
     union select organization_id from refunds where workspace_id = $1 and stripe_refund_id = $2
     union select organization_id from disputes where workspace_id = $1 and stripe_dispute_id = $2
     union select id from organizations where workspace_id = $1 and position('@' in $2) > 0 and lower(left(email, 200)) = lower($2)`,
    [workspaceId, anyId],
  );
  return found.map((raw) => text(raw, "id")).filter((id) => id !== "");
}

/** @throws Problem unknownCustomer */
export async function requireOrganization(
  tx: Tx,
  workspaceId: number,
  anyId: string,
): Promise<string> {
  const id = await findOrganization(tx, workspaceId, anyId);
  if (id === null) {
    throw new Problem(unknownCustomer, `Nothing here goes by ${anyId.slice(0, 100)}.`);
  }
  return id;
}

async function organizationFilter(
  tx: Tx,
  workspaceId: number,
  customer: string | undefined,
): Promise<string | null> {
  return customer === undefined ? null : requireOrganization(tx, workspaceId, customer);
}

export async function searchCustomers(
  tx: Tx,
  workspaceId: number,
  filter: PageFilter & { readonly q?: string | undefined; readonly tier?: string | undefined },
) {
  const q = filter.q?.trim() ?? "";
  const byId = q === "" ? [] : await organizationsOf(tx, workspaceId, q);
  const prefix = `${q.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const words =
    byId.length > 0
      ? ([["o.id = any (?)", byId]] as const)
      : ([["lower(left(o.name, 200)) like ?", q === "" ? null : prefix]] as const);
  return page(tx, filter, {
    select: CUSTOMERS,
    alias: "o",
    ...conditions([
      ["o.workspace_id = ?", workspaceId],
      ...words,
      ["o.plan_tier = ?", filter.tier],
    ]),
    view: customerView,
  });
}

export async function listSubscriptions(
  tx: Tx,
  workspaceId: number,
  filter: PageFilter & {
    readonly status?: string | undefined;
    readonly tier?: string | undefined;
    readonly customer?: string | undefined;
  },
) {
  return page(tx, filter, {
    select: SUBSCRIPTIONS,
    alias: "s",
    ...conditions([
      ["s.workspace_id = ?", workspaceId],
      ["s.status = ?", filter.status],
      ["s.plan_tier = ?", filter.tier],
      ["s.organization_id = ?", await organizationFilter(tx, workspaceId, filter.customer)],
    ]),
    view: subscriptionView,
  });
}

export async function listInvoices(
  tx: Tx,
  workspaceId: number,
  filter: PageFilter & {
    readonly status?: string | undefined;
    readonly customer?: string | undefined;
  },
) {
  return page(tx, filter, {
    select: INVOICES,
    alias: "i",
    ...conditions([
      ["i.workspace_id = ?", workspaceId],
      ["i.status = ?", filter.status],
      ["i.organization_id = ?", await organizationFilter(tx, workspaceId, filter.customer)],
    ]),
    view: invoiceView,
  });
}

export async function listPayments(
  tx: Tx,
  workspaceId: number,
  filter: PageFilter & {
    readonly status?: string | undefined;
    readonly customer?: string | undefined;
  },
) {
  return page(tx, filter, {
    select: PAYMENTS,
    alias: "p",
    ...conditions([
      ["p.workspace_id = ?", workspaceId],
      ["p.status = ?", filter.status],
      ["p.organization_id = ?", await organizationFilter(tx, workspaceId, filter.customer)],
    ]),
    view: paymentView,
  });
}

/** The row of a subscription by our id or the provider's. @throws Problem unknownSubscription */
export async function requireSubscription(tx: Tx, workspaceId: number, id: string): Promise<Raw> {
  const [raw] = await rows(
    tx,
    `${SUBSCRIPTIONS} where s.workspace_id = $1 and (s.stripe_subscription_id = $2 or s.id = $2)`,
    [workspaceId, id],
  );
  if (raw === undefined) {
    throw new Problem(unknownSubscription, `Nothing here goes by ${id.slice(0, 100)}.`);
  }
  return raw;
}

/** @throws Problem unknownInvoice */
export async function requireInvoice(tx: Tx, workspaceId: number, id: string): Promise<Raw> {
  const [raw] = await rows(
    tx,
    `${INVOICES} where i.workspace_id = $1 and (i.stripe_invoice_id = $2 or i.id = $2 or i.number = $2)`,
    [workspaceId, id],
  );
  if (raw === undefined) {
    throw new Problem(unknownInvoice, `Nothing here goes by ${id.slice(0, 100)}.`);
  }
  return raw;
}

/** What was said about one object, newest first. */
export async function eventsOf(tx: Tx, workspaceId: number, objectId: string, limit = 200) {
  const found = await rows(
    tx,
    `select * from subscription_events where workspace_id = $1 and object_id = $2
      order by occurred_at desc, id desc limit $3`,
    [workspaceId, objectId, limit],
  );
  return found.map(eventView);
}

/** One event's row and what it changed, for the event's page. */
export async function eventRow(tx: Tx, workspaceId: number, eventId: string): Promise<Raw | null> {
  const [raw] = await rows(
    tx,
    "select * from subscription_events where workspace_id = $1 and stripe_event_id = $2",
    [workspaceId, eventId],
  );
  return raw ?? null;
}

const ON_PAGE = 100;

export async function showCustomer(tx: Tx, workspaceId: number, anyId: string) {
  const id = await requireOrganization(tx, workspaceId, anyId);
  const of = (sql: string): Promise<Raw[]> =>
    rows(tx, `${sql} order by created_at desc limit ${ON_PAGE}`, [id]);
  const [customer] = await rows(tx, `${CUSTOMERS} where o.id = $1`, [id]);
  if (customer === undefined) {
    throw new Problem(unknownCustomer);
  }
  const providerCustomers = await of(
    "select * from organization_provider_ids where organization_id = $1",
  );
  const subscriptions = await of(`select * from (${SUBSCRIPTIONS} where s.organization_id = $1) t`);
  const invoices = await of(`select * from (${INVOICES} where i.organization_id = $1) t`);
  const payments = await of(`select * from (${PAYMENTS} where p.organization_id = $1) t`);
  const refunds = await of("select * from refunds where organization_id = $1");
  const disputes = await of("select * from disputes where organization_id = $1");
  return {
    ...customerView(customer),
    updatedAt: instant(customer, "updated_at") ?? "",
    lockedAt: instant(customer, "locked_at"),
    providerCustomers: providerCustomers.map((raw) => ({
      provider: text(raw, "provider"),
      customerId: text(raw, "provider_customer_id"),
      name: textOrNull(raw, "name"),
      email: textOrNull(raw, "email"),
      delinquent: raw["delinquent"] === true,
      deleted: raw["deleted_at"] instanceof Date,
    })),
    subscriptions: subscriptions.map(subscriptionView),
    invoices: invoices.map(invoiceView),
    payments: payments.map(paymentView),
    refunds: refunds.map(refundView),
    disputes: disputes.map(disputeView),
    totals: await totalsOf(tx, id),
  };
}

function instant(raw: Raw, column: string): string | null {
  const value = raw[column];
  return value instanceof Date ? value.toISOString() : null;
}

/** Sums per currency; currencies are never added to each other. */
async function totalsOf(tx: Tx, organizationId: string) {
  const found = await rows(
    tx,
    `select currency, sum(paid)::int8 as paid, sum(refunded)::int8 as refunded, sum(open)::int8 as open from (
       select currency, amount_paid_cents as paid, 0 as refunded,
              case when status in ('open', 'uncollectible') then amount_remaining_cents else 0 end as open
         from invoices where organization_id = $1
       union all
       select currency, 0, amount_cents, 0 from refunds where organization_id = $1 and status = 'succeeded') t
     group by currency order by currency`,
    [organizationId],
  );
  return found.map((raw) => ({
    currency: text(raw, "currency"),
    paidMinor: Number(raw["paid"]),
    refundedMinor: Number(raw["refunded"]),
    openMinor: Number(raw["open"]),
  }));
}

/** Payments and refunds of one invoice, by the invoice's own link (before Basil) or by its payments. */
export async function moneyOfInvoice(tx: Tx, workspaceId: number, invoice: Raw) {
  const payments = await rows(
    tx,
    `${PAYMENTS} where p.workspace_id = $1 and (p.stripe_invoice_id = $2 or p.stripe_payment_id in ($3, $4)
        or p.stripe_payment_id in (select stripe_payment_id from invoice_payments where workspace_id = $1 and stripe_invoice_id = $2))
       and p.organization_id = $5 order by p.created_at desc`,
    [
      workspaceId,
      text(invoice, "stripe_invoice_id"),
      textOrNull(invoice, "stripe_payment_intent_id"),
      textOrNull(invoice, "stripe_charge_id"),
      text(invoice, "organization_id"),
    ],
  );
  const refunds = await rows(
    tx,
    "select * from refunds where workspace_id = $1 and stripe_payment_id = any ($2) order by created_at desc",
    [workspaceId, payments.map((raw) => text(raw, "stripe_payment_id"))],
  );
  return { payments: payments.map(paymentView), refunds: refunds.map(refundView) };
}
