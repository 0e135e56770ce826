import type { Disk, DiskFile } from "./disk.ts";

/** Faults of a simulated disk, each a probability per call. */
export interface Faults {
  readonly noSpace: number;
  readonly io: number;
}

export interface SimDisk extends Disk {
  /** Power cut: each unsynced byte range survives or not, unsynced names come or go. Answers the disk as the next boot finds it. */
  crash(): SimDisk;
  /** Flips one bit somewhere in synced content; false where there is none. Only bytes at `from` and later of the named file's end count as its tail. */
  flipBit(): { readonly name: string; readonly at: number } | null;
  setFaults(faults: Faults): void;
}

export class DiskError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface Inode {
  bytes: Buffer;
  synced: number;
  /** Pages that a failed sync dropped: the file reads as written until the crash, then they are gone. */
  doubtful: boolean;
}

/** `random` answers 0..1 and decides everything, so a seed is a whole history. */
export function simDisk(random: () => number, before?: ReadonlyMap<string, Inode>): SimDisk {
  const names = new Map<string, Inode>(before);
  /** Names as they would be after a power cut now. */
  let lasting = new Map<string, Inode>(before);
  let faults: Faults = { noSpace: 0, io: 0 };

  const maybeFail = (): void => {
    if (random() < faults.noSpace) {
      throw new DiskError("ENOSPC");
    }
    if (random() < faults.io) {
      throw new DiskError("EIO");
    }
  };

  const fileOf = (inode: Inode): DiskFile => ({
    append: async (bytes) => {
      if (random() < faults.noSpace) {
        const some = Math.floor(random() * bytes.length);
        inode.bytes = Buffer.concat([inode.bytes, bytes.subarray(0, some)]);
        throw new DiskError("ENOSPC");
      }
      inode.bytes = Buffer.concat([inode.bytes, bytes]);
    },
    sync: async () => {
      if (random() < faults.io) {
        inode.doubtful = true;
        throw new DiskError("EIO");
      }
      if (!inode.doubtful) {
        inode.synced = inode.bytes.length;
      }
    },
    close: async () => undefined,
  });

  return {
    list: async () => [...names.keys()],
    open: async (name) => {
      maybeFail();
      const inode = names.get(name) ?? { bytes: Buffer.alloc(0), synced: 0, doubtful: false };
      names.set(name, inode);
      return fileOf(inode);
    },
    read: async (name) => {
      const inode = names.get(name);
      if (inode === undefined) {
        throw new DiskError("ENOENT");
      }
      return Buffer.from(inode.bytes);
    },
    rename: async (from, to) => {
      maybeFail();
      const inode = names.get(from);
      if (inode === undefined) {
        throw new DiskError("ENOENT");
      }
      names.delete(from);
      names.set(to, inode);
    },
    remove: async (name) => {
      names.delete(name);
    },
    syncFolder: async () => {
      if (random() < faults.io) {
        throw new DiskError("EIO");
      }
      lasting = new Map(names);
    },
    setFaults: (next) => {
      faults = next;
    },
    flipBit: () => {
      const targets = [...names].filter(
        ([name, inode]) => name.endsWith(".spool") && inode.synced > 0,
      );
      const target = targets[Math.floor(random() * targets.length)];
      if (target === undefined) {
        return null;
      }
      const [name, inode] = target;
      const at = Math.floor(random() * inode.synced);
      inode.bytes = Buffer.from(inode.bytes);
      inode.bytes[at] = (inode.bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return { name, at };
    },
    crash: () => simDisk(random, afterCrash(names, lasting, random)),
  };
}

function afterCrash(
  names: ReadonlyMap<string, Inode>,
  lasting: ReadonlyMap<string, Inode>,
  random: () => number,
): Map<string, Inode> {
  // Changes of the folder that were not synced may or may not have reached the disk, in one piece each way.
  const found = random() < 0.5 ? names : lasting;
  const left = new Map<string, Inode>();
  for (const [name, inode] of found) {
    const unsynced = inode.bytes.length - inode.synced;
    const kept = Buffer.from(
      inode.bytes.subarray(0, inode.synced + Math.floor(random() * (unsynced + 1))),
    );
    for (let at = inode.synced; at < kept.length; at += 1) {
      // Of what was not synced, pages may come back as zeros, in any order.
      if (Math.floor(at / 512) % 2 === Math.floor(random() * 4)) {
        kept[at] = 0;
      }
    }
    left.set(name, { bytes: kept, synced: kept.length, doubtful: false });
  }
  return left;
}

/** Small fast generator (mulberry32); the same seed gives the same history. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
