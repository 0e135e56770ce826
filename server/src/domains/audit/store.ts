import type { Tx } from "#platform/db/tx.ts";

import type { EntryText, Seal, SegmentCheck, SegmentText } from "./model.ts";

/** Timestamps with the microseconds that the database keeps; a JavaScript Date would drop three digits of what is hashed. */
const AS_TEXT = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const ENTRY_COLUMNS = `id, workspace_id as "workspaceId", ${AS_TEXT("at")} as at, ${AS_TEXT("recorded_at")} as "recordedAt",
  actor_kind as "actorKind", actor_id as "actorId", actor_name as "actorName", action,
  subject_kind as "subjectKind", subject_id as "subjectId", organization_id as "organizationId",
  request_id as "requestId", ticket, encode(payload_hash, 'hex') as "payloadHash",
  encode(sha256(convert_to(detail::text, 'UTF8')), 'hex') as "actualPayloadHash"`;

const SEGMENT_COLUMNS = `id, workspace_id as "workspaceId", events, encode(digest, 'hex') as digest`;

const SEAL_COLUMNS = `workspace_id as "workspaceId", n, ${AS_TEXT("sealed_at")} as "sealedAt",
  entry_ids::text as "entryIds", segment_ids::text as "segmentIds", leaves, root, previous, hash, key_id as "keyId", signature`;

interface Condition {
  readonly where: string;
  readonly values: readonly unknown[];
}

/**
 * Not seen by the last pass, but by this one: no open transaction, here or in another database of the
 * cluster, holds back the rest. After a restore transaction ids say nothing, so there it is what no seal covers.
 */
function newTo(state: SealerState, kind: "entry" | "segment"): Condition {
  if (state.restored) {
    return {
      where: `$1::text is not null and not exists (select from audit_seals c where c.workspace_id = t.workspace_id and c.${kind}_ids @> t.id)`,
      values: [kind],
    };
  }
  return {
    where: `id > $1 and (xid >= pg_snapshot_xmax($2::pg_snapshot) or xid = any (array(select pg_snapshot_xip($2::pg_snapshot))))
      and pg_visible_in_snapshot(xid, $3::pg_snapshot)`,
    values: [
      kind === "entry" ? state.floorId : state.segmentFloorId,
      state.snapshot,
      state.current,
    ],
  };
}

async function readNew<Row extends object>(
  tx: Tx,
  source: { readonly table: string; readonly columns: string; readonly condition: Condition },
  place: Place,
  limit: number,
): Promise<readonly Row[]> {
  const { where, values } = source.condition;
  const next = values.length;
  const found = await tx.client.query<Row>(
    `select ${source.columns} from ${source.table} t
      where ${where} and (workspace_id, id) > ($${next + 1}, $${next + 2}) order by workspace_id, id limit $${next + 3}`,
    [...values, place.workspaceId, place.id, limit],
  );
  return found.rows;
}

export interface SealerState {
  readonly snapshot: string;
  readonly floorId: number;
  readonly segmentFloorId: number;
  readonly current: string;
  /** The transaction ids of this cluster lie before those of the last pass: the database was restored from a dump. */
  readonly restored: boolean;
  readonly hasSegments: boolean;
}

/** Reads what the last pass saw and takes this pass's snapshot, in one statement. */
export async function readSealerState(tx: Tx): Promise<SealerState | null> {
  const found = await tx.client.query<SealerState>(
    `select snapshot::text as snapshot, floor_id as "floorId", segment_floor_id as "segmentFloorId",
            pg_current_snapshot()::text as current,
            pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(snapshot) as restored,
            exists (select from pg_attribute where attrelid = to_regclass('inbox_segments') and attname = 'xid') as "hasSegments"
       from audit_sealer`,
  );
  return found.rows[0] ?? null;
}

export interface Place {
  readonly workspaceId: number;
  readonly id: number;
}

/** The next lines to seal after `place`, by workspace and id. */
export async function readNewEntries(
  tx: Tx,
  state: SealerState,
  place: Place,
  limit: number,
): Promise<readonly EntryText[]> {
  const condition = newTo(state, "entry");
  return readNew(tx, { table: "audit_entries", columns: ENTRY_COLUMNS, condition }, place, limit);
}

export async function readNewSegments(
  tx: Tx,
  state: SealerState,
  place: Place,
  limit: number,
): Promise<readonly SegmentText[]> {
  if (!state.hasSegments) {
    return [];
  }
  const condition = newTo(state, "segment");
  return readNew(
    tx,
    { table: "inbox_segments", columns: SEGMENT_COLUMNS, condition },
    place,
    limit,
  );
}

/** Stops writers until the end of this transaction, so that the highest id is a floor under which nothing can still appear. */
export async function holdWriters(tx: Tx, state: SealerState): Promise<SealerState> {
  await tx.client.query("select purser_audit_hold()");
  const highest = await tx.client.query<{ entry: number; segment: number }>(
    `select coalesce((select max(id) from audit_entries), 0) as entry,
            ${state.hasSegments ? "coalesce((select max(id) from inbox_segments), 0)" : "0"} as segment`,
  );
  const floors = highest.rows[0];
  return { ...state, floorId: floors?.entry ?? 0, segmentFloorId: floors?.segment ?? 0 };
}

export async function readHead(
  tx: Tx,
  workspaceId: number,
): Promise<{ readonly n: number; readonly hash: Buffer } | null> {
  const found = await tx.client.query<{ n: number; hash: Buffer }>(
    "select n, hash from audit_seals where workspace_id = $1 order by n desc limit 1",
    [workspaceId],
  );
  return found.rows[0] ?? null;
}

export async function saveSeal(tx: Tx, seal: Seal): Promise<void> {
  await tx.client.query(
    `insert into audit_seals (workspace_id, n, sealed_at, entry_ids, segment_ids, leaves, root, previous, hash, key_id, signature)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      seal.workspaceId,
      seal.n,
      seal.sealedAt,
      seal.entryIds,
      seal.segmentIds,
      seal.leaves,
      seal.root,
      seal.previous,
      seal.hash,
      seal.keyId,
      seal.signature,
    ],
  );
}

export async function saveSealerState(tx: Tx, state: SealerState, now: Date): Promise<void> {
  await tx.client.query(
    "update audit_sealer set snapshot = $1, floor_id = $2, segment_floor_id = $3, passed_at = $4",
    [state.current, state.floorId, state.segmentFloorId, now],
  );
}

/** Seals `from` to `to` of one workspace, in order. */
export async function readSeals(
  tx: Tx,
  workspaceId: number,
  range: { readonly from: number; readonly limit: number },
): Promise<readonly Seal[]> {
  const found = await tx.client.query<Seal>(
    `select ${SEAL_COLUMNS} from audit_seals where workspace_id = $1 and n >= $2 order by n limit $3`,
    [workspaceId, range.from, range.limit],
  );
  return found.rows;
}

/** The seal that covers a line, or null while none does. */
export async function readSealOf(tx: Tx, place: Place): Promise<Seal | null> {
  const found = await tx.client.query<Seal>(
    `select ${SEAL_COLUMNS} from audit_seals where workspace_id = $1 and entry_ids @> $2::bigint order by n limit 1`,
    [place.workspaceId, place.id],
  );
  return found.rows[0] ?? null;
}

export async function readEntriesById(
  tx: Tx,
  workspaceId: number,
  ids: readonly number[],
): Promise<readonly EntryText[]> {
  const found = await tx.client.query<EntryText>(
    `select ${ENTRY_COLUMNS} from audit_entries where workspace_id = $1 and id = any ($2::bigint[]) order by id`,
    [workspaceId, ids],
  );
  return found.rows;
}

/** `bodies`: also hash what was received, which reads all of it. */
export async function readSegmentsById(
  tx: Tx,
  workspaceId: number,
  ids: readonly number[],
  bodies: boolean,
): Promise<readonly SegmentCheck[]> {
  if (ids.length === 0) {
    return [];
  }
  const check = bodies ? "sha256(body) = digest" : "null::boolean";
  const found = await tx.client.query<SegmentCheck>(
    `select ${SEGMENT_COLUMNS}, ${check} as "bodyHolds" from inbox_segments
      where workspace_id = $1 and id = any ($2::bigint[]) order by id`,
    [workspaceId, ids],
  );
  return found.rows;
}

/**
 * Lines of a workspace that no seal covers: `seen` ones existed at the sealer's last pass, so they were
 * slipped in under it; the others are merely newer.
 */
export async function readUncovered(
  tx: Tx,
  workspaceId: number,
): Promise<readonly { readonly id: number; readonly recordedAt: Date; readonly seen: boolean }[]> {
  const found = await tx.client.query<{ id: number; recordedAt: Date; seen: boolean }>(
    `select e.id, e.recorded_at as "recordedAt", e.id <= s.floor_id or pg_visible_in_snapshot(e.xid, s.snapshot) as seen
       from audit_entries e, audit_sealer s
      where e.workspace_id = $1
        and not exists (select from audit_seals c where c.workspace_id = $1 and c.entry_ids @> e.id)
      order by e.id limit 1000`,
    [workspaceId],
  );
  return found.rows;
}
