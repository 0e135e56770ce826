import { fromUnixSeconds } from "#platform/clock.ts";
import { boolArray, int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Tx } from "#platform/db/tx.ts";
import { newId } from "#platform/ids.ts";

import type { CustomerRef, FoundOrganization } from "./model.ts";

const PROVIDER = "stripe";

interface FoundRow {
  readonly workspace_id: number;
  readonly customer: string;
  readonly organization_id: string;
  readonly watermark: string;
  readonly fetched_through: number;
  readonly snapshot: string | null;
  readonly source: string | null;
}

export function refKey(workspaceId: number, customer: string): string {
  return `${workspaceId} ${customer}`;
}

/**
 * Organizations by their provider's customers, in one statement; those that do not exist are missing
 * from the answer. Lateral with a limit: one index probe per key, whatever the planner thinks of the tables.
 */
export async function findByCustomers(
  tx: Tx,
  refs: readonly Pick<CustomerRef, "workspaceId" | "customer" | "whole">[],
): Promise<Map<string, FoundOrganization>> {
  const found = await tx.client.query<FoundRow>({
    name: "directory_by_customers",
    text: `select p.workspace_id, p.provider_customer_id as customer, p.organization_id,
                  p.watermark, p.fetched_through, p.snapshot, p.source
             from unnest($1::int4[], $2::text[], $3::bool[]) as k (w, id, whole)
             cross join lateral (select workspace_id, provider_customer_id, organization_id, watermark, fetched_through, source,
                                        case when k.whole then snapshot end as snapshot
                                   from organization_provider_ids
                                  where workspace_id = k.w and provider = '${PROVIDER}' and provider_customer_id = k.id limit 1) p`,
    values: [
      int4Array(refs.map((ref) => ref.workspaceId)),
      textArray(refs.map((ref) => ref.customer)),
      boolArray(refs.map((ref) => ref.whole)),
    ],
  });
  return new Map(
    found.rows.map((row) => [
      refKey(row.workspace_id, row.customer),
      {
        organizationId: row.organization_id,
        watermark: row.watermark,
        fetchedThrough: row.fetched_through,
        snapshot: row.snapshot ?? "",
        source: row.source ?? "",
      },
    ]),
  );
}

/**
 * A placeholder organization for each customer that nobody has introduced yet.
 *
 * @throws DatabaseError unique_violation where another transaction was faster: the unit of work is
 *   tried again and finds that one's
 */
export async function insertPlaceholders(
  tx: Tx,
  refs: readonly CustomerRef[],
  now: Date,
): Promise<void> {
  const values = [
    refs.map((ref) => ref.workspaceId),
    refs.map((ref) => newId("org", fromUnixSeconds(ref.seenAtSeconds))),
    refs.map((ref) => ref.customer),
    refs.map((ref) => fromUnixSeconds(ref.seenAtSeconds)),
    now,
  ];
  await tx.client.query({
    name: "directory_placeholders",
    text: `with wanted as (
             select * from unnest($1::int4[], $2::text[], $3::text[], $4::timestamptz[]) as w (workspace_id, id, customer, seen_at)
           ), made as (
             insert into organizations (id, workspace_id, name, is_placeholder, created_at, updated_at)
             select id, workspace_id, customer, true, seen_at, $5::timestamptz from wanted
             returning id
           )
           insert into organization_provider_ids (workspace_id, provider, provider_customer_id, organization_id, created_at)
           select w.workspace_id, '${PROVIDER}', w.customer, w.id, w.seen_at
             from wanted w join made on made.id = w.id`,
    values,
  });
}

export interface CustomerRow {
  readonly workspaceId: number;
  readonly customer: string;
  readonly organizationId: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly currency: string | null;
  readonly balanceMinor: number;
  readonly delinquent: boolean;
  readonly deletedAtSeconds: number | null;
  readonly createdSeconds: number;
  readonly externalId: string | null;
  readonly displayName: string;
  readonly watermark: string;
  readonly fetchedThrough: number;
  readonly snapshot: string;
  readonly source: string;
}

/** Writes what the provider said of its customers, and the names of organizations after their first customer. */
export async function writeCustomers(
  tx: Tx,
  rows: readonly CustomerRow[],
  now: Date,
): Promise<void> {
  const json = JSON.stringify(
    rows.map((row) => ({
      workspace_id: row.workspaceId,
      customer: row.customer,
      organization_id: row.organizationId,
      name: row.name,
      email: row.email,
      phone: row.phone,
      currency: row.currency,
      balance: row.balanceMinor,
      delinquent: row.delinquent,
      deleted_at: row.deletedAtSeconds,
      created: row.createdSeconds,
      external_id: row.externalId,
      display_name: row.displayName,
      watermark: row.watermark,
      fetched_through: row.fetchedThrough,
      snapshot: row.snapshot,
      source: row.source,
    })),
  ).replaceAll("\\u0000", "\\ufffd");
  const columns = `workspace_id int4, customer text, organization_id text, name text, email text, phone text, currency text,
    balance int8, delinquent bool, deleted_at int8, created int8, external_id text, display_name text, watermark text,
    fetched_through int8, snapshot text, source text`;
  await tx.client.query(
    `update organization_provider_ids p
        set name = c.name, email = c.email, phone = c.phone, currency = c.currency, balance_cents = c.balance,
            delinquent = c.delinquent, deleted_at = to_timestamp(c.deleted_at), created_at = to_timestamp(c.created),
            watermark = c.watermark, fetched_through = c.fetched_through, snapshot = c.snapshot, source = c.source
       from jsonb_to_recordset($1::jsonb) as c (${columns})
      where p.workspace_id = c.workspace_id and p.provider = '${PROVIDER}' and p.provider_customer_id = c.customer`,
    [json],
  );
  // An organization that is several customers bears the name of the first of them, whichever spoke last.
  await tx.client.query(
    `update organizations o
        set name = c.display_name, email = c.email, is_placeholder = false, source = c.source, updated_at = $2,
            created_at = to_timestamp(c.created),
            external_id = coalesce(o.external_id, (
              select c.external_id where not exists (
                select from organizations x where x.workspace_id = c.workspace_id and x.external_id = c.external_id)))
       from jsonb_to_recordset($1::jsonb) as c (${columns})
      where o.id = c.organization_id
        and not exists (
          select from organization_provider_ids e
           where e.organization_id = o.id and e.provider_customer_id <> c.customer and e.watermark <> ''
             and (e.created_at, e.provider_customer_id) < (to_timestamp(c.created), c.customer))`,
    [json, now],
  );
}

/** Locks organizations in the order of their ids and says their tiers as they stand. */
export async function lockTiers(
  tx: Tx,
  organizationIds: readonly string[],
): Promise<
  readonly { readonly id: string; readonly workspaceId: number; readonly tier: string }[]
> {
  const result = await tx.client.query<{ id: string; workspaceId: number; tier: string }>({
    name: "directory_lock_tiers",
    text: `select id, workspace_id as "workspaceId", plan_tier as tier from organizations where id = any ($1::text[])
            order by id for no key update`,
    values: [organizationIds],
  });
  return result.rows;
}

export async function writeTiers(
  tx: Tx,
  rows: readonly { readonly id: string; readonly tier: string; readonly because: string }[],
  now: Date,
): Promise<void> {
  await tx.client.query({
    name: "directory_write_tiers",
    text: `update organizations o
              set plan_tier = u.tier, tier_because = u.because, tier_changed_at = $4, updated_at = $4
             from unnest($1::text[], $2::text[], $3::text[]) as u (id, tier, because) where o.id = u.id`,
    values: [
      rows.map((row) => row.id),
      rows.map((row) => row.tier),
      rows.map((row) => row.because),
      now,
    ],
  });
}
