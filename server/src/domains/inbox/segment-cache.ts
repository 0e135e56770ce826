import { zstdDecompressSync } from "node:zlib";

import type { Pool } from "pg";

import { int4Array, int8Array } from "#platform/db/binary-arrays.ts";

/** Raw bytes kept; a segment is read by every batch that has one of its events. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A segment larger than this unpacked is no work of ours: a flush is capped at 4 MiB and one body at 1 MiB. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;

export interface SegmentCache {
  /** Unpacked segments by id; ids past their retention are missing. */
  load(ids: ReadonlySet<number>, scope: readonly number[]): Promise<ReadonlyMap<number, Buffer>>;
}

interface Row {
  readonly id: number;
  readonly body: Buffer;
}

export function segmentCache(pool: Pool): SegmentCache {
  const cached = new Map<number, Buffer>();
  let bytes = 0;
  const keep = (id: number, body: Buffer): void => {
    cached.set(id, body);
    bytes += body.length;
    for (const [oldest, old] of cached) {
      if (bytes <= MAX_BYTES || oldest === id) {
        break;
      }
      cached.delete(oldest);
      bytes -= old.length;
    }
  };
  return {
    load: async (ids, scope) => {
      const found = new Map<number, Buffer>();
      const missing: number[] = [];
      for (const id of ids) {
        const known = cached.get(id);
        if (known === undefined) {
          missing.push(id);
        } else {
          found.set(id, known);
        }
      }
      if (missing.length > 0) {
        const result = await pool.query<Row>({
          name: "inbox_bodies",
          text: "select id, body from inbox_bodies($1::integer[], $2::bigint[])",
          values: [int4Array(scope), int8Array(missing)],
        });
        for (const row of result.rows) {
          const body = unpackSegment(row.body);
          found.set(row.id, body);
          keep(row.id, body);
        }
      }
      return found;
    },
  };
}

export function unpackSegment(packed: Buffer): Buffer {
  return zstdDecompressSync(packed, { maxOutputLength: MAX_SEGMENT_BYTES });
}
