import type { Pool } from "pg";

import { int2Array, int4Array, int8Array } from "#platform/db/binary-arrays.ts";

import { type InboxEvent, type Lane, LANES, type Provider, providerOf } from "./ports.ts";
import type { SegmentCache } from "./segment-cache.ts";
import type { Triple, Window } from "./shares.core.ts";

/** How long a batch is ours without a sign of life. Renewed every third of it. */
export const LEASE_S = 12;

/** An event in a worker's hands. */
export interface Claimed extends InboxEvent {
  readonly provider: Provider;
  readonly lane: Lane;
  /** Lone crashes of its key. */
  readonly crashes: number;
  /** Failures of its key since it last succeeded. */
  readonly failures: number;
}

export interface Batch {
  readonly token: number;
  /** By arrival. */
  readonly events: readonly Claimed[];
}

/** A place with work and the id below which none is left: rows that are dead but not yet vacuumed are not met again. */
export interface Place extends Triple {
  floor: number;
  /** In a deep backlog the id up to which claims have looked already, else 0: what lies between is in work, or waits for a key that is. */
  cursor: number;
}

export interface Look {
  readonly place: Place;
  readonly seen: number;
  readonly firstId: number;
  /** Of the rows that were considered; those behind it were seen but had no room. */
  readonly lastId: number;
  readonly busy: number;
  readonly troubled: number;
}

interface Row {
  readonly kind: number;
  readonly token: number | null;
  readonly ord: number;
  readonly event_id: number | null;
  readonly workspace_id: number;
  readonly okey: string;
  readonly lane: number;
  readonly provider: number;
  readonly attempts: number;
  readonly replay: boolean;
  readonly endpoint_id: number;
  readonly external_id: string;
  readonly event_type: string;
  readonly occurred_at: Date | null;
  readonly received_at: Date;
  readonly segment_id: number | null;
  readonly body_offset: number;
  readonly body_length: number;
  readonly crashes?: number;
  readonly failures?: number;
}

/** A place with ready work and the id of its first event. */
export interface Found {
  readonly lane: number;
  readonly provider: number;
  readonly workspace_id: number;
  readonly event_id: number;
}

export interface Claims {
  fresh(
    windows: readonly Window<Place>[],
    options: {
      readonly total: number;
      readonly agedId: number;
      readonly closed: readonly number[];
    },
  ): Promise<{ readonly batch: Batch | null; readonly looks: readonly Look[] }>;
  due(options: {
    readonly alone: boolean;
    readonly keys: number;
    readonly events: number;
    readonly closed: readonly number[];
  }): Promise<Batch | null>;
  discover(): Promise<readonly Found[]>;
  park(look: Look, options: { readonly limit: number; readonly leased: boolean }): Promise<void>;
  hold(place: Triple): Promise<void>;
  release(providers: readonly number[]): Promise<void>;
}

interface ClaimDeps {
  readonly pool: Pool;
  readonly worker: string;
  readonly segments: SegmentCache;
}

const LEASE = `${String(LEASE_S)} seconds`;

export function claimsOf(deps: ClaimDeps): Claims {
  return {
    fresh: async (windows, options) => {
      const result = await deps.pool.query<Row>(freshQuery(deps.worker, windows, options));
      const looks = result.rows.flatMap((row) => {
        const window = row.kind === 0 ? windows[row.ord - 1] : undefined;
        return window === undefined ? [] : [lookOf(window.triple, row)];
      });
      return {
        batch: await batchOf(
          deps,
          result.rows.filter((row) => row.kind === 1),
        ),
        looks,
      };
    },
    due: async (options) => {
      const closed = options.closed.length === 0 ? null : int2Array(options.closed);
      const result = await deps.pool.query<Row>({
        name: "inbox_claim_due",
        text: `select 1 as kind, 0 as ord, * from inbox_claim_due($1, $2::interval, $3, $4, $5, $6::smallint[])`,
        values: [deps.worker, LEASE, options.keys, options.events, options.alone, closed],
      });
      return batchOf(deps, result.rows);
    },
    discover: async () =>
      (
        await deps.pool.query<Found>({
          name: "inbox_discover",
          text: "select * from inbox_discover()",
        })
      ).rows,
    park: async ({ place }, options) => {
      await deps.pool.query({
        name: "inbox_park",
        text: "select inbox_park($1, $2, $3, $4, $5, $6)",
        values: [
          place.lane,
          place.provider,
          place.workspaceId,
          place.floor,
          options.limit,
          options.leased,
        ],
      });
    },
    hold: async (place) => {
      await deps.pool.query(
        `update inbox_work set state = 2 where (workspace_id, okey, event_id) in (
           select workspace_id, okey, event_id from inbox_work
           where state = 0 and lane = $1 and provider = $2 and workspace_id = $3 order by event_id limit 5000 for update skip locked)`,
        [place.lane, place.provider, place.workspaceId],
      );
    },
    release: async (providers) => {
      await deps.pool.query(
        "update inbox_work set state = 0 where state = 2 and provider = any($1::smallint[])",
        [[...providers]],
      );
    },
  };
}

function lookOf(place: Place, row: Row): Look {
  return {
    place,
    seen: row.attempts,
    firstId: row.event_id ?? 0,
    lastId: row.segment_id ?? 0,
    busy: row.lane,
    troubled: row.provider,
  };
}

function freshQuery(
  worker: string,
  windows: readonly Window<Place>[],
  options: { readonly total: number; readonly agedId: number; readonly closed: readonly number[] },
) {
  return {
    name: "inbox_claim",
    text: `select * from inbox_claim($1, $2::interval, $3::smallint[], $4::smallint[], $5::integer[], $6::bigint[], $7::integer[], $8::integer[], $9, $10, $11::smallint[])`,
    values: [
      worker,
      LEASE,
      int2Array(windows.map(({ triple }) => triple.lane)),
      int2Array(windows.map(({ triple }) => triple.provider)),
      int4Array(windows.map(({ triple }) => triple.workspaceId)),
      int8Array(windows.map(({ triple }) => Math.max(triple.floor, triple.cursor))),
      int4Array(windows.map(({ take }) => take)),
      int4Array(windows.map(({ share }) => share)),
      options.total,
      options.agedId,
      options.closed.length === 0 ? null : int2Array(options.closed),
    ],
  };
}

async function batchOf(deps: ClaimDeps, rows: readonly Row[]): Promise<Batch | null> {
  const token = rows.find((row) => row.token !== null)?.token;
  if (token === undefined || token === null) {
    return null;
  }
  const withWork = rows
    .filter((row) => row.event_id !== null)
    .toSorted((a, b) => (a.event_id ?? 0) - (b.event_id ?? 0));
  const scope = [...new Set(withWork.map((row) => row.workspace_id))];
  const bodies = await deps.segments.load(
    new Set(withWork.map((row) => row.segment_id ?? 0)),
    scope,
  );
  return { token, events: withWork.map((row) => claimedOf(row, bodies)) };
}

function claimedOf(row: Row, bodies: ReadonlyMap<number, Buffer>): Claimed {
  const segment = bodies.get(row.segment_id ?? 0);
  return {
    id: BigInt(row.event_id ?? 0),
    workspaceId: row.workspace_id,
    endpointId: row.endpoint_id,
    externalId: row.external_id,
    eventType: row.event_type,
    okey: row.okey,
    occurredAt: row.occurred_at ?? row.received_at,
    receivedAt: row.received_at,
    body: segment?.subarray(row.body_offset, row.body_offset + row.body_length) ?? Buffer.alloc(0),
    attempts: row.attempts,
    replay: row.replay,
    provider: providerOf(row.provider),
    lane: LANES.find((lane) => lane === row.lane) ?? 5,
    crashes: row.crashes ?? 0,
    failures: row.failures ?? 0,
  };
}
