import { boolArray, int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Tx } from "#platform/db/tx.ts";
import { Problem } from "#platform/problem.ts";

import { concurrentChange } from "./problems.ts";

/** Columns of a set-based write. `seconds` and `millis` count from 1970 and become timestamptz; `json` is JSON text. */
export type Column<Row> = {
  readonly name: string;
  /** Written by the first insert only. */
  readonly once?: boolean;
} & (
  | { readonly type: "int4"; readonly of: (row: Row) => number }
  | { readonly type: "int8" | "seconds" | "millis"; readonly of: (row: Row) => number | null }
  | { readonly type: "text" | "json" | "words"; readonly of: (row: Row) => string | null }
  | { readonly type: "bool"; readonly of: (row: Row) => boolean }
);

const HEADER_BYTES = 20;
const INT8_OID = 20;
const TIMESTAMPTZ_OID = 1184;
const EPOCH_2000_SECONDS = 946_684_800;
const HIGH = 4_294_967_296;

/** int8[] or timestamptz[] in Postgres' binary form, with nulls; layout as in the inbox's binary arrays. */
function wideArray(values: readonly (number | null)[], oid: number): Buffer {
  if (values.length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(oid, 8);
    return empty;
  }
  let nulls = 0;
  for (const value of values) {
    nulls += value === null ? 1 : 0;
  }
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12 - nulls * 8);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(nulls > 0 ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(-1, at);
      at += 4;
    } else {
      const high = Math.floor(value / HIGH);
      buffer.writeInt32BE(8, at);
      buffer.writeInt32BE(high, at + 4);
      buffer.writeUInt32BE(value - high * HIGH, at + 8);
      at += 12;
    }
  }
  return buffer;
}

function microsFrom2000(seconds: number | null): number | null {
  return seconds === null ? null : (seconds - EPOCH_2000_SECONDS) * 1_000_000;
}

function encode<Row>(column: Column<Row>, rows: readonly Row[]): Buffer {
  switch (column.type) {
    case "int4":
      return int4Array(rows.map(column.of));
    case "int8":
      return wideArray(rows.map(column.of), INT8_OID);
    case "seconds":
      return wideArray(
        rows.map((row) => microsFrom2000(column.of(row))),
        TIMESTAMPTZ_OID,
      );
    case "millis":
      return wideArray(
        rows.map((row) => {
          const millis = column.of(row);
          return microsFrom2000(millis === null ? null : millis / 1000);
        }),
        TIMESTAMPTZ_OID,
      );
    case "text":
    case "json":
    case "words":
      return textArray(rows.map(column.of));
    case "bool":
      return boolArray(rows.map(column.of));
  }
}

const SQL_TYPE = {
  int4: "int4",
  int8: "int8",
  seconds: "timestamptz",
  millis: "timestamptz",
  text: "text",
  json: "text",
  words: "text",
  bool: "bool",
} as const;

function selected(column: Column<never>): string {
  switch (column.type) {
    case "json":
      return `u.${column.name}::jsonb`;
    case "words":
      return `string_to_array(u.${column.name}, ' ')`;
    default:
      return `u.${column.name}`;
  }
}

export interface Upsert<Row> {
  readonly name: string;
  readonly text: string;
  readonly columns: readonly Column<Row>[];
  /** Whether a row that the guard kept is an error (the default). */
  readonly exact?: boolean;
}

/**
 * One statement that writes any number of rows: `insert ... select from unnest ... on conflict do
 * update`. `guard` keeps a row that someone else has meanwhile written further along.
 */
export function upsertInto<Row>(
  table: string,
  key: readonly string[],
  columns: readonly Column<Row>[],
  guard: string | null,
): Upsert<Row> {
  const names = columns.map((column) => column.name).join(", ");
  const sets = columns
    .filter((column) => column.once !== true && !key.includes(column.name))
    .map((column) => `${column.name} = excluded.${column.name}`)
    .join(", ");
  const arrays = columns.map((column, index) => `$${index + 1}::${SQL_TYPE[column.type]}[]`);
  const text =
    `insert into ${table} (${names}) select ${columns.map(selected).join(", ")}` +
    ` from unnest(${arrays.join(", ")}) as u (${names})` +
    ` on conflict (${key.join(", ")}) do update set ${sets}${guard === null ? "" : ` where ${guard}`}`;
  return { name: `upsert_${table}`, text, columns };
}

/** @throws Problem concurrentChange where the guard kept a row: the batch is tried again and sees it */
export async function writeRows<Row>(
  tx: Tx,
  upsert: Upsert<Row>,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) {
    return;
  }
  const result = await tx.client.query({
    name: upsert.name,
    text: upsert.text,
    values: upsert.columns.map((column) => encode(column, rows)),
  });
  if (upsert.exact !== false && result.rowCount !== rows.length) {
    throw new Problem(
      concurrentChange,
      `${upsert.name} wrote ${result.rowCount} of ${rows.length}.`,
    );
  }
}
