import { hash } from "node:crypto";

import type { Disk, DiskFile } from "./disk.ts";
import { encodeRecord, scanSegment, type SpoolRecord } from "./record.core.ts";

/** There is no room left for what may be sent again later. */
export class SpoolFull extends Error {}
/** The disk refused; nothing of this batch may be counted on. */
export class SpoolFailed extends Error {}

export interface SpoolOptions {
  readonly disk: Disk;
  /** A segment is closed when it has grown to this. */
  readonly segmentBytes?: number;
  /** All segments together; above it only `precious` batches are taken, from the reserve. */
  readonly maxBytes?: number;
  /** Room kept for precious batches: bytes that are written in advance, and given up when the disk is full. */
  readonly reserveBytes?: number;
  readonly onIncident: (incident: {
    readonly kind: "damage" | "torn" | "disk";
    readonly segment: string;
    readonly detail: string;
  }) => void;
}

export interface Spool {
  /** Resolves when all payloads would survive a power cut; rejects with SpoolFull or SpoolFailed when they would not. One batch, one sync. */
  append(payloads: readonly Buffer[], precious: boolean): Promise<void>;
  /**
   * Hands everything to `take` in order, in batches, and forgets a batch once `take` has resolved.
   * What `take` rejects stays. Ends when the spool is empty. One drain at a time.
   */
  drain(take: (payloads: readonly Buffer[]) => Promise<void>, batchRecords?: number): Promise<void>;
  /** Keeps bytes that nobody can read beside the spool, under a name of their own, safe as a record is. */
  keepDamaged(bytes: Buffer): Promise<void>;
  /** Records not yet drained. */
  readonly depth: () => number;
  readonly bytes: () => number;
  close(): Promise<void>;
}

const RESERVE = "reserve";
const OFFSET = "drained";
const SEGMENT = /^\d{12}\.spool$/;
/** A segment with damage in it, kept after its readable records were drained. */
const DAMAGED_SEGMENT = /^\d{12}\.spool\.damaged$/;

interface State {
  readonly options: SpoolOptions;
  readonly disk: Disk;
  readonly limits: { readonly segment: number; readonly max: number; readonly reserve: number };
  /** Segments by number, oldest first; the last may be open. */
  segments: { readonly name: string; bytes: number; records: number }[];
  open: { readonly file: DiskFile; readonly name: string } | null;
  nextSegment: number;
  nextSeq: number;
  /** Highest seq that is safely elsewhere. */
  drainedSeq: number;
  depth: number;
  hasReserve: boolean;
  /** Writes of this process that follow one another. */
  writing: Promise<unknown>;
}

function segmentName(number: number): string {
  return `${String(number).padStart(12, "0")}.spool`;
}

/** Opens a folder's spool and finds again what a crash left in it. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const state = await recover(options);
  let draining = false;
  return {
    append: (payloads, precious) => {
      const written = state.writing.then(() => append(state, payloads, precious));
      state.writing = written.catch(() => undefined);
      return written;
    },
    drain: async (take, batchRecords = 500) => {
      if (draining) {
        return;
      }
      draining = true;
      try {
        await drain(state, take, batchRecords);
      } finally {
        draining = false;
      }
    },
    keepDamaged: (bytes) =>
      writeWhole(state.disk, `${hash("sha256", bytes, "hex").slice(0, 32)}.record.damaged`, bytes),
    depth: () => state.depth,
    bytes: () => state.segments.reduce((sum, segment) => sum + segment.bytes, 0),
    close: async () => {
      await state.writing;
      await state.open?.file.close();
      state.open = null;
    },
  };
}

async function recover(options: SpoolOptions): Promise<State> {
  const { disk } = options;
  const names = await disk.list();
  const state: State = {
    options,
    disk,
    limits: {
      segment: options.segmentBytes ?? 16 * 1024 * 1024,
      max: options.maxBytes ?? 8 * 1024 * 1024 * 1024,
      reserve: options.reserveBytes ?? 64 * 1024 * 1024,
    },
    segments: [],
    open: null,
    nextSegment: 1,
    nextSeq: 1,
    drainedSeq: await readOffset(disk, names),
    depth: 0,
    hasReserve: names.includes(RESERVE),
    writing: Promise.resolve(),
  };
  state.nextSeq = state.drainedSeq + 1;
  for (const name of names.filter((one) => SEGMENT.test(one)).toSorted()) {
    const bytes = await disk.read(name);
    const scan = scanSegment(bytes);
    report(options, name, scan);
    const pending = scan.records.filter((record) => record.seq > state.drainedSeq);
    state.segments.push({ name, bytes: bytes.length, records: pending.length });
    state.depth += pending.length;
    state.nextSegment = Number(name.slice(0, 12)) + 1;
    state.nextSeq = Math.max(state.nextSeq, (scan.records.at(-1)?.seq ?? 0) + 1);
  }
  // The number of a kept segment is used up: another of the same name would be renamed over it one day.
  for (const name of names.filter((one) => DAMAGED_SEGMENT.test(one))) {
    state.nextSegment = Math.max(state.nextSegment, Number(name.slice(0, 12)) + 1);
  }
  await Promise.all(
    names
      .filter((name) => name.endsWith(".tmp"))
      .map((name) => disk.remove(name).catch(() => undefined)),
  );
  await fillReserve(state);
  return state;
}

function report(options: SpoolOptions, name: string, scan: ReturnType<typeof scanSegment>): void {
  for (const stretch of scan.damaged) {
    options.onIncident({
      kind: "damage",
      segment: name,
      detail: `Bytes ${String(stretch.from)} to ${String(stretch.to)} are damaged and were once safe.`,
    });
  }
  if (scan.tornBytes > 0) {
    options.onIncident({
      kind: "torn",
      segment: name,
      detail: `${String(scan.tornBytes)} bytes at the end were never whole.`,
    });
  }
}

async function append(state: State, payloads: readonly Buffer[], precious: boolean): Promise<void> {
  const size = payloads.reduce((sum, payload) => sum + payload.length + 20, 0);
  const total = state.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  if (total + size > state.limits.max) {
    if (!precious || total + size > state.limits.max + state.limits.reserve) {
      throw new SpoolFull("The spool has reached its size.");
    }
  }
  try {
    await write(state, payloads);
  } catch (error) {
    const full = isFull(error);
    await poison(state, error);
    if (full && precious && state.hasReserve) {
      await writeInReserve(state, payloads);
      return;
    }
    throw full
      ? new SpoolFull("The disk is full.", { cause: error })
      : new SpoolFailed("The disk refused a batch.", { cause: error });
  }
}

async function writeInReserve(state: State, payloads: readonly Buffer[]): Promise<void> {
  try {
    await giveUpReserve(state);
    await write(state, payloads);
  } catch (error) {
    await poison(state, error);
    throw new SpoolFailed("The disk refused a batch.", { cause: error });
  }
}

async function write(state: State, payloads: readonly Buffer[]): Promise<void> {
  const open = state.open ?? (await startSegment(state));
  const first = state.nextSeq;
  const bytes = Buffer.concat(
    payloads.map((payload, index) => encodeRecord(first + index, payload)),
  );
  // Numbers are used up even if this fails: a later record must never carry the number of one that may be on the disk.
  state.nextSeq += payloads.length;
  await open.file.append(bytes);
  await open.file.sync();
  const segment = state.segments.at(-1);
  if (segment !== undefined) {
    segment.bytes += bytes.length;
    segment.records += payloads.length;
    state.depth += payloads.length;
    if (segment.bytes >= state.limits.segment) {
      state.open = null;
      await open.file.close();
    }
  }
}

/** Made under another name, renamed, and the folder synced: a segment exists wholly or not at all. */
async function startSegment(state: State): Promise<NonNullable<State["open"]>> {
  const name = segmentName(state.nextSegment);
  const temporary = `${name}.tmp`;
  // A number is used once, also by an attempt that fails: a file whose sync failed must never be met again.
  state.nextSegment += 1;
  const file = await state.disk.open(temporary);
  try {
    await file.sync();
    await state.disk.rename(temporary, name);
    await state.disk.syncFolder();
  } catch (error) {
    await file.close().catch(() => undefined);
    await state.disk.remove(temporary).catch(() => undefined);
    throw error;
  }
  state.open = { file, name };
  state.segments.push({ name, bytes: 0, records: 0 });
  return state.open;
}

/** After a failed write or sync the kernel may have dropped pages that it calls clean: this segment is never written again. */
async function poison(state: State, error: unknown): Promise<void> {
  const open = state.open;
  state.open = null;
  if (open !== null) {
    state.options.onIncident({
      kind: "disk",
      segment: open.name,
      detail: error instanceof Error ? error.message : String(error),
    });
    await open.file.close().catch(() => undefined);
  }
}

async function drain(
  state: State,
  take: (payloads: readonly Buffer[]) => Promise<void>,
  batchRecords: number,
): Promise<void> {
  for (let segment = state.segments[0]; segment !== undefined; segment = state.segments[0]) {
    const whole = segment;
    const records = await pendingOf(state, whole.name);
    for (let at = 0; at < records.length; at += batchRecords) {
      const batch = records.slice(at, at + batchRecords);
      await take(batch.map((record) => record.payload));
      await advance(state, batch);
      state.depth = Math.max(0, state.depth - batch.length);
      whole.records = Math.max(0, whole.records - batch.length);
    }
    const finished = await retire(state, whole.name);
    if (!finished && records.length === 0) {
      return;
    }
  }
}

async function pendingOf(state: State, name: string): Promise<readonly SpoolRecord[]> {
  const bytes = await state.disk.read(name);
  return scanSegment(bytes).records.filter((record) => record.seq > state.drainedSeq);
}

/**
 * Removes a segment that holds nothing more; one with damage is renamed, because what cannot be read was
 * once promised to be safe. Runs between two writes, so that no record slips in meanwhile.
 */
function retire(state: State, name: string): Promise<boolean> {
  const retired = state.writing.then(async () => {
    const scan = scanSegment(await state.disk.read(name));
    if (scan.records.some((record) => record.seq > state.drainedSeq)) {
      return false;
    }
    if (state.open?.name === name) {
      const { file } = state.open;
      state.open = null;
      await file.close();
    }
    // Records that were written and synced and did not come back are damage too, also at the very end.
    const lost = state.segments.find((segment) => segment.name === name)?.records ?? 0;
    if (scan.damaged.length > 0 || lost > 0) {
      await keepSegment(state, name, lost);
    } else {
      await state.disk.remove(name);
    }
    state.segments = state.segments.filter((segment) => segment.name !== name);
    await fillReserve(state);
    return true;
  });
  state.writing = retired.catch(() => undefined);
  return retired;
}

async function keepSegment(state: State, name: string, lost: number): Promise<void> {
  await state.disk.rename(name, `${name}.damaged`);
  await state.disk.syncFolder();
  state.depth = Math.max(0, state.depth - lost);
  state.options.onIncident({
    kind: "damage",
    segment: name,
    detail: `Kept as ${name}.damaged: events that were acknowledged may be in it.`,
  });
}

async function writeWhole(disk: Disk, name: string, bytes: Buffer): Promise<void> {
  const temporary = `${name}.tmp`;
  try {
    const file = await disk.open(temporary);
    try {
      await file.append(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(temporary, name);
    await disk.syncFolder();
  } catch (error) {
    // A later try must not append to what this one left.
    await disk.remove(temporary).catch(() => undefined);
    throw error;
  }
}

async function advance(state: State, batch: readonly SpoolRecord[]): Promise<void> {
  const seq = batch.at(-1)?.seq ?? state.drainedSeq;
  state.drainedSeq = Math.max(state.drainedSeq, seq);
  try {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(state.drainedSeq));
    await writeWhole(state.disk, OFFSET, encodeRecord(0, bytes));
  } catch (error) {
    // Without the note the next start drains these again, and the ledger finds them to be duplicates.
    state.options.onIncident({
      kind: "disk",
      segment: OFFSET,
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}

async function readOffset(disk: Disk, names: readonly string[]): Promise<number> {
  if (!names.includes(OFFSET)) {
    return 0;
  }
  const payload = scanSegment(await disk.read(OFFSET)).records[0]?.payload;
  return payload?.length === 8 ? Number(payload.readBigUInt64BE()) : 0;
}

async function fillReserve(state: State): Promise<void> {
  if (state.hasReserve || state.limits.reserve === 0) {
    return;
  }
  try {
    const file = await state.disk.open(`${RESERVE}.tmp`);
    try {
      // Written, not only sized: a sparse file reserves nothing.
      const piece = Buffer.alloc(Math.min(state.limits.reserve, 1024 * 1024));
      for (let left = state.limits.reserve; left > 0; left -= piece.length) {
        await file.append(piece.subarray(0, Math.min(left, piece.length)));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await state.disk.rename(`${RESERVE}.tmp`, RESERVE);
    await state.disk.syncFolder();
    state.hasReserve = true;
  } catch {
    // No room for a reserve: what there is goes to the events themselves.
    await state.disk.remove(`${RESERVE}.tmp`).catch(() => undefined);
  }
}

async function giveUpReserve(state: State): Promise<void> {
  state.hasReserve = false;
  await state.disk.remove(RESERVE);
  await state.disk.syncFolder();
}

function isFull(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    (error.code === "ENOSPC" || error.code === "EDQUOT")
  );
}
