import { and, desc, eq, isNull, lt, or } from "drizzle-orm";
import type { Pool } from "pg";

import { inTx, type Tx } from "#platform/db/tx.ts";
import type { Role } from "#platform/operation/roles.ts";

import type { Membership, TokenIdentity } from "./model.ts";
import { apiTokens, staff } from "./schema.ts";

export type StaffRow = typeof staff.$inferSelect;
export type TokenRow = typeof apiTokens.$inferSelect;

/** Identity comes before a workspace is known, so these few look-ups see all of them. */
export async function inAllWorkspaces<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTx(pool, [], async (tx) => {
    await tx.client.query(
      "select set_config('purser.workspaces', coalesce((select array_agg(id)::text from workspaces), '{}'), true)",
    );
    return work(tx);
  });
}

/** Where a user may act now, the default workspace first. */
export async function findMemberships(tx: Tx, userId: string): Promise<readonly Membership[]> {
  const found = await tx.client.query<Membership>({
    name: "access_memberships",
    text: `select s.id as "staffId", s.name, s.role, w.id as "workspaceId", w.public_id as "publicId", w.slug
             from staff s join workspaces w on w.id = s.workspace_id
            where s.user_id = $1 and s.disabled_at is null order by w.is_default desc, w.id`,
    values: [userId],
  });
  return found.rows;
}

/** Whether a user has, or had, a place in any workspace. */
export async function hasPlace(tx: Tx, userId: string): Promise<boolean> {
  const found = await tx.client.query("select from staff where user_id = $1 limit 1", [userId]);
  return found.rowCount === 1;
}

export async function findToken(tx: Tx, secretHash: Buffer): Promise<TokenIdentity | null> {
  const found = await tx.client.query<TokenIdentity>({
    name: "access_token",
    text: `select t.id, t.name, t.role, t.scopes, w.id as "workspaceId", w.public_id as "publicId", w.slug,
                  t.expires_at as "expiresAt", t.last_used_at as "lastUsedAt"
             from api_tokens t join workspaces w on w.id = t.workspace_id
            where t.secret_hash = $1 and t.revoked_at is null`,
    values: [secretHash],
  });
  return found.rows[0] ?? null;
}

/** True for the one request of many that moved the mark. */
export async function touchToken(tx: Tx, id: string, now: Date, before: Date): Promise<boolean> {
  const touched = await tx.db
    .update(apiTokens)
    .set({ lastUsedAt: now })
    .where(
      and(eq(apiTokens.id, id), or(isNull(apiTokens.lastUsedAt), lt(apiTokens.lastUsedAt, before))),
    );
  return touched.rowCount === 1;
}

export async function insertToken(tx: Tx, row: typeof apiTokens.$inferInsert): Promise<TokenRow> {
  const [made] = await tx.db.insert(apiTokens).values(row).returning();
  if (made === undefined) {
    throw new Error("An inserted token was not returned.");
  }
  return made;
}

export async function findTokenById(tx: Tx, workspaceId: number, id: string) {
  const [row] = await tx.db
    .select()
    .from(apiTokens)
    .where(and(eq(apiTokens.workspaceId, workspaceId), eq(apiTokens.id, id)))
    .for("update");
  return row ?? null;
}

export async function revokeToken(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.db
    .update(apiTokens)
    .set({ revokedAt: now })
    .where(and(eq(apiTokens.id, id), isNull(apiTokens.revokedAt)));
}

interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Newest first; ids sort by creation. */
export async function listTokens(tx: Tx, workspaceId: number, page: Page) {
  return tx.db
    .select()
    .from(apiTokens)
    .where(
      and(
        eq(apiTokens.workspaceId, workspaceId),
        page.cursor === undefined ? undefined : lt(apiTokens.id, page.cursor),
      ),
    )
    .orderBy(desc(apiTokens.id))
    .limit(page.limit + 1);
}

export async function listStaff(tx: Tx, workspaceId: number, page: Page) {
  return tx.db
    .select()
    .from(staff)
    .where(
      and(
        eq(staff.workspaceId, workspaceId),
        page.cursor === undefined ? undefined : lt(staff.id, page.cursor),
      ),
    )
    .orderBy(desc(staff.id))
    .limit(page.limit + 1);
}

export async function findStaff(tx: Tx, workspaceId: number, id: string) {
  const [row] = await tx.db
    .select()
    .from(staff)
    .where(and(eq(staff.workspaceId, workspaceId), eq(staff.id, id)))
    .for("update");
  return row ?? null;
}

export async function findStaffByEmail(tx: Tx, workspaceId: number, email: string) {
  const [row] = await tx.db
    .select()
    .from(staff)
    .where(and(eq(staff.workspaceId, workspaceId), eq(staff.email, email.toLowerCase())));
  return row ?? null;
}

/** Locked in order of id, so that two owners who demote each other at once cannot both succeed. */
export async function lockActiveOwners(tx: Tx, workspaceId: number): Promise<readonly string[]> {
  const rows = await tx.db
    .select({ id: staff.id })
    .from(staff)
    .where(
      and(eq(staff.workspaceId, workspaceId), eq(staff.role, "owner"), isNull(staff.disabledAt)),
    )
    .orderBy(staff.id)
    .for("update");
  return rows.map((row) => row.id);
}

/** The row as it is afterwards, or null where the person is staff of the workspace already. */
export async function insertStaff(
  tx: Tx,
  row: typeof staff.$inferInsert,
): Promise<StaffRow | null> {
  const [made] = await tx.db
    .insert(staff)
    .values(row)
    .onConflictDoNothing({ target: [staff.workspaceId, staff.userId] })
    .returning();
  return made ?? null;
}

export async function updateStaff(
  tx: Tx,
  id: string,
  change: { readonly role: Role; readonly disabledAt: Date | null },
): Promise<void> {
  await tx.db.update(staff).set(change).where(eq(staff.id, id));
}

export async function findDefaultWorkspace(tx: Tx) {
  const found = await tx.client.query<{ id: number; publicId: string; slug: string }>(
    `select id, public_id as "publicId", slug from workspaces where is_default`,
  );
  return found.rows[0] ?? null;
}

export async function findWorkspaceName(tx: Tx, id: number): Promise<string> {
  const found = await tx.client.query<{ name: string }>(
    "select name from workspaces where id = $1",
    [id],
  );
  return found.rows[0]?.name ?? "";
}

export interface ThrottleCount {
  readonly key: string;
  readonly failures: number;
  readonly windowFrom: Date;
}

/**
 * Counts one try under each key and says how many that makes; a window that is over starts again. The
 * rows stay locked until the transaction ends, so of many tries at once each sees those before it.
 */
export async function countTry(
  tx: Tx,
  keys: readonly string[],
  window: { readonly now: Date; readonly since: Date },
): Promise<readonly ThrottleCount[]> {
  const counted = await tx.client.query<ThrottleCount>(
    `insert into auth.throttles (key, failures, window_from) select key, 1, $2 from unnest($1::text[]) as key order by key
     on conflict (key) do update set
       failures = case when throttles.window_from <= $3 then 1 else throttles.failures + 1 end,
       window_from = case when throttles.window_from <= $3 then $2 else throttles.window_from end
     returning key, failures, window_from as "windowFrom"`,
    [keys.toSorted(), window.now, window.since],
  );
  return counted.rows;
}

/** Takes one counted try back. */
export async function uncountTry(pool: Pool, keys: readonly string[]): Promise<void> {
  await pool.query(
    "update auth.throttles set failures = failures - 1 where key = any ($1::text[]) and failures > 0",
    [keys],
  );
}

export async function forgetFailures(pool: Pool, keys: readonly string[]): Promise<void> {
  await pool.query("delete from auth.throttles where key = any ($1::text[])", [keys]);
}

/** Windows that are over, sessions that ended, links that expired; returns how many rows went. */
export async function deleteOldSignIns(
  pool: Pool,
  now: Date,
  windowsBefore: Date,
): Promise<number> {
  const gone = await pool.query<{ rows: number }>(
    `with throttles as (delete from auth.throttles where window_from < $2 returning 1),
          sessions as (delete from auth.sessions where expires_at < $1 returning 1),
          links as (delete from auth.verifications where expires_at < $1 returning 1)
     select (select count(*) from throttles) + (select count(*) from sessions) + (select count(*) from links) as rows`,
    [now, windowsBefore],
  );
  return gone.rows[0]?.rows ?? 0;
}
