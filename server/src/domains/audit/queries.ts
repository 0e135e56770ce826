import { and, desc, eq, gte, like, lt, or, type SQL } from "drizzle-orm";

import type { Tx } from "#platform/db/tx.ts";
import { inclusionPath, numbersOf, rootFromPath } from "#platform/hash-chain.ts";

import { auditEntries } from "./schema.ts";
import { entryLeaf, splitLeaves } from "./seal.core.ts";
import { readEntriesById, readHead, readSealOf } from "./store.ts";

type Row = typeof auditEntries.$inferSelect;

export interface ListFilter {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  readonly organization?: string | undefined;
  readonly ticket?: string | undefined;
  readonly since?: string | undefined;
}

function toItem(row: Row) {
  return {
    id: String(row.id),
    at: row.at.toISOString(),
    action: row.action,
    actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
    subject:
      row.subjectKind === null || row.subjectId === null
        ? null
        : { kind: row.subjectKind, id: row.subjectId },
    organizationId: row.organizationId,
    detail: row.detail,
    requestId: row.requestId,
    ticket: row.ticket,
  };
}

/** `staff.` is a prefix, `staff.signed_in` an action. */
function actionIs(action: string): SQL {
  const prefix = action.replaceAll(/[\\%_]/gu, String.raw`\$&`);
  return action.endsWith(".")
    ? like(auditEntries.action, `${prefix}%`)
    : eq(auditEntries.action, action);
}

function conditionsOf(filter: ListFilter): (SQL | undefined)[] {
  const { cursor, action, actor, subject, organization, ticket, since } = filter;
  return [
    cursor === undefined ? undefined : lt(auditEntries.id, Number(cursor)),
    action === undefined ? undefined : actionIs(action),
    actor === undefined
      ? undefined
      : or(eq(auditEntries.actorId, actor), eq(auditEntries.actorName, actor)),
    subject === undefined ? undefined : eq(auditEntries.subjectId, subject),
    organization === undefined ? undefined : eq(auditEntries.organizationId, organization),
    ticket === undefined ? undefined : eq(auditEntries.ticket, ticket),
    since === undefined ? undefined : gte(auditEntries.at, new Date(since)),
  ];
}

/** One page of a workspace's log, newest first. */
export async function listEntries(tx: Tx, workspaceId: number, filter: ListFilter) {
  const rows = await tx.db
    .select()
    .from(auditEntries)
    .where(and(eq(auditEntries.workspaceId, workspaceId), ...conditionsOf(filter)))
    .orderBy(desc(auditEntries.id))
    .limit(filter.limit + 1);
  const page = rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    items: page.map(toItem),
    nextCursor: rows.length > filter.limit && last !== undefined ? String(last.id) : null,
  };
}

/** A line with the proof of its place, or null where there is no such line. */
export async function showEntry(tx: Tx, workspaceId: number, id: number) {
  const [row] = await tx.db
    .select()
    .from(auditEntries)
    .where(and(eq(auditEntries.workspaceId, workspaceId), eq(auditEntries.id, id)));
  const [line] = await readEntriesById(tx, workspaceId, [id]);
  if (row === undefined || line === undefined) {
    return null;
  }
  const seal = await readSealOf(tx, { workspaceId, id });
  if (seal === null) {
    return { entry: toItem(row), proof: null };
  }
  const leaves = splitLeaves(seal.leaves);
  const position = numbersOf(seal.entryIds).indexOf(id);
  const path = inclusionPath(leaves, position);
  const leaf = entryLeaf(line);
  const root = rootFromPath(leaf, { position, count: leaves.length }, path);
  return {
    entry: toItem(row),
    proof: {
      seal: seal.n,
      sealedAt: seal.sealedAt,
      root: seal.root.toString("hex"),
      leaf: leaf.toString("hex"),
      position,
      leaves: leaves.length,
      path: path.map((hash) => hash.toString("hex")),
      holds: root.equals(seal.root) && line.payloadHash === line.actualPayloadHash,
    },
  };
}

/** Seconds since the sealer last passed, and age of the oldest line that waits for it; for health and metrics. */
export async function sealLag(
  tx: Tx,
  now: Date,
): Promise<{ readonly passedSecondsAgo: number | null; readonly oldestSeconds: number }> {
  const found = await tx.client.query<{ passedAt: Date | null; oldest: Date | null }>(
    `select s.passed_at as "passedAt",
            (select min(e.recorded_at) from audit_entries e
              where e.id > s.floor_id
                and (e.xid >= pg_snapshot_xmax(s.snapshot) or e.xid = any (array(select pg_snapshot_xip(s.snapshot))))) as oldest
       from audit_sealer s`,
  );
  const row = found.rows[0];
  const secondsSince = (instant: Date | null | undefined): number | null =>
    instant instanceof Date ? Math.max(0, (now.getTime() - instant.getTime()) / 1000) : null;
  return {
    passedSecondsAgo: secondsSince(row?.passedAt),
    oldestSeconds: secondsSince(row?.oldest) ?? 0,
  };
}

/** Number of a workspace's newest seal; 0 before the first. */
export async function headOf(tx: Tx, workspaceId: number): Promise<number> {
  return (await readHead(tx, workspaceId))?.n ?? 0;
}
