import type { Pool, PoolClient } from "pg";

import type { Dimension } from "#domains/billing/model.ts";

import { ENTITLEMENTS_CHANNEL } from "./entitlements.ts";
import type { LimitSource, QuotaRow } from "./model.ts";
import {
  type Division,
  type LedgerEntry,
  type UsageCall,
  quotaKey,
  requestKey,
} from "./quota.core.ts";

/** A retry later than this counts again. */
export const LEDGER_HOURS = 24;

interface Raw {
  readonly workspace_id: number;
  readonly organization_id: string;
  readonly dimension: Dimension;
  readonly current_usage: number;
  readonly quota_limit: number | null;
  readonly unlimited: boolean;
  readonly limit_source: LimitSource;
  readonly override_by: string | null;
  readonly override_at: Date | null;
  readonly last_reset_at: Date;
  readonly plan_tier: string;
  readonly locked: boolean;
}

// least(): a figure typed by hand beyond 2^53 would otherwise fail every flush that holds its row.
const COLUMNS = `q.workspace_id, q.organization_id, q.dimension,
  least(q.current_usage, 9007199254740991) as current_usage, least(q.quota_limit, 9007199254740991) as quota_limit,
  q.unlimited, q.limit_source, q.override_by, q.override_at, q.last_reset_at, o.plan_tier, o.locked_at is not null as locked`;

function toRow(raw: Raw): QuotaRow {
  return {
    workspaceId: raw.workspace_id,
    organizationId: raw.organization_id,
    dimension: raw.dimension,
    currentUsage: raw.current_usage,
    quotaLimit: raw.quota_limit,
    unlimited: raw.unlimited,
    limitSource: raw.limit_source,
    overrideBy: raw.override_by,
    overrideAt: raw.override_at,
    lastResetAt: raw.last_reset_at,
    tier: raw.plan_tier,
    locked: raw.locked,
  };
}

/**
 * Locks the rows of these calls, in one order for everybody, and reads them as they are under the
 * lock. A row that is missing (an organization older than a dimension) is made from its plan.
 */
export async function lockRows(
  client: PoolClient,
  calls: readonly UsageCall[],
): Promise<Map<string, QuotaRow>> {
  const wanted = new Map(calls.map((call) => [quotaKey(call), call]));
  const found = await lockWanted(client, [...wanted.values()]);
  const missing = [...wanted].filter(([at]) => !found.has(at)).map(([, call]) => call);
  if (missing.length === 0) {
    return found;
  }
  const made = await client.query(
    `select quotas_follow_plan(o.workspace_id, o.id, o.plan_tier, false)
       from organizations o
       join (select distinct w, i from unnest($1::int[], $2::text[]) as m (w, i)) as m on m.w = o.workspace_id and m.i = o.id
      order by o.id`,
    [missing.map((call) => call.workspaceId), missing.map((call) => call.organizationId)],
  );
  if (made.rowCount === 0) {
    return found;
  }
  return new Map([...found, ...(await lockWanted(client, missing))]);
}

async function lockWanted(
  client: PoolClient,
  wanted: readonly UsageCall[],
): Promise<Map<string, QuotaRow>> {
  const result = await client.query<Raw>({
    name: "quotas_lock",
    text: `select ${COLUMNS}
      from unnest($1::int[], $2::text[], $3::text[]) as w (workspace_id, organization_id, dimension)
      join usage_quotas q on q.organization_id = w.organization_id and q.dimension = w.dimension and q.workspace_id = w.workspace_id
      join organizations o on o.id = q.organization_id
     order by q.organization_id, q.dimension
       for no key update of q`,
    values: [
      wanted.map((call) => call.workspaceId),
      wanted.map((call) => call.organizationId),
      wanted.map((call) => call.dimension),
    ],
  });
  const rows = result.rows.map(toRow);
  return new Map(rows.map((row) => [quotaKey(row), row]));
}

/** Keyed calls that were counted before. Read after the rows are locked: whoever counted them has committed by then. */
export async function readLedger(
  client: PoolClient,
  calls: readonly UsageCall[],
  since: Date,
): Promise<Map<string, LedgerEntry>> {
  const keyed = calls.flatMap((call) => (call.key === null ? [] : [{ call, key: call.key }]));
  if (keyed.length === 0) {
    return new Map();
  }
  const result = await client.query<{
    organization_id: string;
    dimension: Dimension;
    workspace_id: number;
    request_key: string;
    amount: number;
    used_after: number;
  }>({
    name: "quotas_ledger",
    text: `select r.workspace_id, r.organization_id, r.dimension, r.request_key, r.amount, r.used_after
      from unnest($1::text[], $2::text[], $3::text[]) as w (organization_id, dimension, request_key)
      join usage_requests r using (organization_id, dimension, request_key)
     where r.created_at > $4`,
    values: [
      keyed.map(({ call }) => call.organizationId),
      keyed.map(({ call }) => call.dimension),
      keyed.map(({ key }) => key),
      since,
    ],
  });
  return new Map(
    result.rows.map((row) => {
      const call: UsageCall = {
        workspaceId: row.workspace_id,
        organizationId: row.organization_id,
        dimension: row.dimension,
        amount: row.amount,
        key: row.request_key,
      };
      const entry = { key: row.request_key, amount: row.amount, usedAfter: row.used_after };
      return [requestKey(call, row.request_key), entry];
    }),
  );
}

/** Writes what a flush decided; nothing where nothing was granted. */
export async function writeDivision(
  client: PoolClient,
  division: Division,
  now: Date,
): Promise<void> {
  const { writes, ledger } = division;
  if (writes.length > 0) {
    await client.query({
      name: "quotas_write",
      text: `update usage_quotas q
        set current_usage = w.usage, last_reset_at = w.last_reset_at, updated_at = $5
       from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) as w (organization_id, dimension, usage, last_reset_at)
      where q.organization_id = w.organization_id and q.dimension = w.dimension`,
      values: [
        writes.map((row) => row.organizationId),
        writes.map((row) => row.dimension),
        writes.map((row) => row.currentUsage),
        writes.map((row) => row.lastResetAt),
        now,
      ],
    });
  }
  if (ledger.length > 0) {
    await client.query({
      name: "quotas_ledger_write",
      text: `insert into usage_requests (workspace_id, organization_id, dimension, request_key, amount, used_after, created_at)
        select w.*, $7 from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) as w
        on conflict (organization_id, dimension, request_key) do update
          set amount = excluded.amount, used_after = excluded.used_after, created_at = excluded.created_at`,
      values: [
        ledger.map(({ call }) => call.workspaceId),
        ledger.map(({ call }) => call.organizationId),
        ledger.map(({ call }) => call.dimension),
        ledger.map(({ key }) => key),
        ledger.map(({ call }) => call.amount),
        ledger.map(({ usedAfter }) => usedAfter),
        now,
      ],
    });
  }
}

/**
 * Writes `after` where every row is still as in `before` (same order) and its organization not locked,
 * in one statement and one commit; otherwise writes nothing.
 */
export async function swapRows(
  pool: Pool,
  before: readonly QuotaRow[],
  after: readonly QuotaRow[],
  now: Date,
): Promise<boolean> {
  const scope = [...new Set(before.map((row) => row.workspaceId))].join(",");
  const result = await pool.query<{ done: boolean }>({
    name: "quotas_swap",
    text: "select quotas_swap($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as done",
    values: [
      `{${scope}}`,
      before.map((row) => row.organizationId),
      before.map((row) => row.dimension),
      before.map((row) => row.tier),
      before.map((row) => row.currentUsage),
      before.map((row) => row.quotaLimit),
      before.map((row) => row.lastResetAt),
      after.map((row) => row.currentUsage),
      after.map((row) => row.lastResetAt),
      now,
    ],
  });
  return result.rows[0]?.done === true;
}

/** All rows of one organization, in the order of the runbook's dimensions; [] where it has none or does not exist. */
export async function readRows(
  client: PoolClient,
  workspaceId: number,
  organizationId: string,
): Promise<readonly QuotaRow[]> {
  const result = await client.query<Raw>({
    name: "quotas_read",
    text: `select ${COLUMNS} from usage_quotas q join organizations o on o.id = q.organization_id
      where q.organization_id = $1 and q.workspace_id = $2
      order by array_position(array['sites', 'posts', 'users', 'storage_bytes', 'api_calls'], q.dimension)`,
    values: [organizationId, workspaceId],
  });
  return result.rows.map(toRow);
}

/** The same, locked against consumption and other changes until the transaction ends. */
export async function lockRow(
  client: PoolClient,
  call: Pick<UsageCall, "workspaceId" | "organizationId" | "dimension">,
): Promise<QuotaRow | null> {
  const rows = await lockRows(client, [{ ...call, amount: 1, key: null }]);
  return rows.get(quotaKey(call)) ?? null;
}

export async function planLimit(
  client: PoolClient,
  row: QuotaRow,
): Promise<{ readonly limit: number | null; readonly unlimited: boolean } | null> {
  const result = await client.query<{ quota_limit: number | null; unlimited: boolean }>(
    "select quota_limit, unlimited from quotas_plan_limits($1, $2) where dimension = $3",
    [row.workspaceId, row.tier, row.dimension],
  );
  const found = result.rows[0];
  return found === undefined ? null : { limit: found.quota_limit, unlimited: found.unlimited };
}

/** Writes limit, its source and usage of one locked row through the product's door (the revision rises). */
export async function writeRow(client: PoolClient, row: QuotaRow, now: Date): Promise<void> {
  await client.query(
    `update usage_quotas set current_usage = $3, quota_limit = $4, unlimited = $5, limit_source = $6,
       override_by = $7, override_at = $8, last_reset_at = $9, limit_revision = limit_revision + 1, updated_at = $10
     where organization_id = $1 and dimension = $2`,
    [
      row.organizationId,
      row.dimension,
      row.currentUsage,
      row.quotaLimit,
      row.unlimited,
      row.limitSource,
      row.overrideBy,
      row.overrideAt,
      row.lastResetAt,
      now,
    ],
  );
}

/** Makes the rows that one organization lacks, from the plan of its tier. @returns rows made */
export async function followPlan(
  client: PoolClient,
  workspaceId: number,
  organizationId: string,
): Promise<number> {
  const result = await client.query<{ written: number }>(
    `select quotas_follow_plan(workspace_id, id, plan_tier, false) as written
       from organizations where workspace_id = $1 and id = $2`,
    [workspaceId, organizationId],
  );
  return result.rows[0]?.written ?? 0;
}

/**
 * Brings every organization of a tier in line with the catalogue's newest version. Limits set for one
 * organization stay: they hold until its tier changes. @returns rows changed
 */
export async function followCatalogue(
  client: PoolClient,
  workspaceId: number,
  tier: string,
  now: Date,
): Promise<number> {
  const result = await client.query(
    `with due as materialized (
       select q.organization_id, q.dimension, p.quota_limit, p.unlimited
         from organizations o
         join usage_quotas q on q.organization_id = o.id
         join quotas_plan_limits($1, $2) p on p.dimension = q.dimension
        where o.workspace_id = $1 and o.plan_tier = $2 and q.limit_source = 'plan'
          and (q.quota_limit, q.unlimited) is distinct from (p.quota_limit, p.unlimited)
        order by q.organization_id, q.dimension
          for no key update of q
     )
     update usage_quotas q
        set quota_limit = due.quota_limit, unlimited = due.unlimited, limit_revision = q.limit_revision + 1, updated_at = $3
       from due where q.organization_id = due.organization_id and q.dimension = due.dimension`,
    [workspaceId, tier, now],
  );
  return result.rowCount ?? 0;
}

export interface ResetCounts {
  readonly due: number;
  readonly alreadyReset: number;
}

/** How many monthly rows of the workspace still carry usage of an ended month. */
export async function countReset(
  client: PoolClient,
  workspaceId: number,
  dimensions: readonly Dimension[],
  periodStart: Date,
): Promise<ResetCounts> {
  const result = await client.query<{ due: number; done: number }>(
    `select count(*) filter (where last_reset_at < $3) as due, count(*) filter (where last_reset_at >= $3) as done
       from usage_quotas where workspace_id = $1 and dimension = any ($2::text[])`,
    [workspaceId, dimensions, periodStart],
  );
  return { due: result.rows[0]?.due ?? 0, alreadyReset: result.rows[0]?.done ?? 0 };
}

/**
 * Begins the month for the rows that have not begun it. A row that a consume moved on meanwhile is
 * looked at again under its lock, so its new usage stays.
 *
 * @param before rows whose last reset is older than this go to nought
 */
export async function resetRows(
  client: PoolClient,
  workspaceId: number,
  dimensions: readonly Dimension[],
  times: { readonly before: Date; readonly now: Date },
): Promise<number> {
  const result = await client.query(
    `with due as materialized (
       select organization_id, dimension from usage_quotas
        where workspace_id = $1 and dimension = any ($2::text[]) and last_reset_at < $3
        order by organization_id, dimension for no key update
     )
     update usage_quotas q set current_usage = 0, last_reset_at = $4, updated_at = $4
       from due where q.organization_id = due.organization_id and q.dimension = due.dimension`,
    [workspaceId, dimensions, times.before, times.now],
  );
  return result.rowCount ?? 0;
}

/** As the triggers of 0030 do, for changes that they do not see. */
export async function announceChange(client: PoolClient, who: string): Promise<void> {
  await client.query("select pg_notify($1, $2)", [ENTITLEMENTS_CHANNEL, who]);
}

/** Forgets keyed calls older than the ledger's life. */
export async function purgeLedger(
  client: PoolClient,
  workspaceId: number,
  before: Date,
): Promise<number> {
  const result = await client.query(
    "delete from usage_requests where workspace_id = $1 and created_at < $2",
    [workspaceId, before],
  );
  return result.rowCount ?? 0;
}
