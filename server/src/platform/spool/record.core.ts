import { crc32c } from "./crc32c.core.ts";

/** `PSP1 | length u32 | crc32c u32 over (seq + payload) | seq u64 | payload`, all big-endian. */
const MAGIC = 0x50_53_50_31;
const HEADER = 20;
const SEQ_AT = 12;
const MAX_PAYLOAD = 8 * 1024 * 1024;

export interface SpoolRecord {
  readonly seq: number;
  readonly payload: Buffer;
}

export function encodeRecord(seq: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + payload.length);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(payload.length, 4);
  bytes.writeBigUInt64BE(BigInt(seq), SEQ_AT);
  payload.copy(bytes, HEADER);
  bytes.writeUInt32BE(crc32c(bytes, SEQ_AT), 8);
  return bytes;
}

export interface Scan {
  readonly records: readonly SpoolRecord[];
  /** Bytes after the last whole record: what a crash tore. Nobody was told that it is safe. */
  readonly tornBytes: number;
  /** Damaged stretches with whole records behind them. Those were safe once: an incident, not a torn tail. */
  readonly damaged: readonly { readonly from: number; readonly to: number }[];
}

/** Reads a segment. Damage is stepped over: every record that is still whole is found. */
export function scanSegment(bytes: Buffer): Scan {
  const records: SpoolRecord[] = [];
  const damaged: { from: number; to: number }[] = [];
  let at = 0;
  let badFrom = -1;
  while (at < bytes.length) {
    const length = recordLengthAt(bytes, at);
    if (length > 0) {
      if (badFrom >= 0) {
        damaged.push({ from: badFrom, to: at });
        badFrom = -1;
      }
      records.push({
        seq: Number(bytes.readBigUInt64BE(at + SEQ_AT)),
        payload: bytes.subarray(at + HEADER, at + length),
      });
      at += length;
    } else {
      badFrom = badFrom < 0 ? at : badFrom;
      at = nextMagic(bytes, at + 1);
    }
  }
  return { records, tornBytes: badFrom < 0 ? 0 : bytes.length - badFrom, damaged };
}

const MAGIC_BYTES = Buffer.from("PSP1");

function nextMagic(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(MAGIC_BYTES, from);
  return found < 0 ? bytes.length : found;
}

/** Whole length of the record at `at`, or 0 where there is none or it is damaged. */
function recordLengthAt(bytes: Buffer, at: number): number {
  if (at + HEADER > bytes.length || bytes.readUInt32BE(at) !== MAGIC) {
    return 0;
  }
  const length = HEADER + bytes.readUInt32BE(at + 4);
  if (length > HEADER + MAX_PAYLOAD || at + length > bytes.length) {
    return 0;
  }
  return crc32c(bytes, at + SEQ_AT, at + length) === bytes.readUInt32BE(at + 8) ? length : 0;
}
