import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { crc32c } from "./crc32c.core.ts";
import { folderDisk } from "./disk.ts";
import {
  damagedFiles,
  orphanFolders,
  SpoolFolderTaken,
  takeFolder,
  waitForFolder,
} from "./folders.ts";
import { encodeRecord, scanSegment } from "./record.core.ts";
import { DiskError, seeded, type SimDisk, simDisk } from "./sim-disk.ts";
import { openSpool, type Spool, SpoolFailed, SpoolFull } from "./spool.ts";

const silent = (): undefined => undefined;
/** Ten thousand take five seconds. */
const SEEDS = 10_000;

async function drained(spool: Spool): Promise<string[]> {
  const found: string[] = [];
  await spool.drain(async (payloads) => {
    found.push(...payloads.map((payload) => payload.toString("latin1")));
  }, 7);
  return found;
}

describe("records", () => {
  test("CRC-32C gives the check value of RFC 3720", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3_06_92_83);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a_91_36_aa);
  });

  test("what is written is read, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (payloads) => {
        const bytes = Buffer.concat(
          payloads.map((payload, index) => encodeRecord(index + 1, Buffer.from(payload))),
        );
        const scan = scanSegment(bytes);
        expect(scan.records.map((record) => [...record.payload])).toEqual(
          payloads.map((payload) => [...payload]),
        );
        expect(scan.tornBytes).toBe(0);
      }),
    );
  });

  test("a tail torn at any byte loses only the torn record", () => {
    const whole = Buffer.concat(
      [1, 2, 3].map((seq) => encodeRecord(seq, Buffer.from(`payload ${String(seq)}`))),
    );
    const two = 2 * (whole.length / 3);
    for (let cut = two; cut < whole.length; cut += 1) {
      const scan = scanSegment(whole.subarray(0, cut));
      expect(scan.records.map((record) => record.seq)).toEqual([1, 2]);
      expect(scan.damaged).toEqual([]);
      expect(scan.tornBytes).toBe(cut - two);
    }
  });

  test("every single flipped bit in the middle is found, told as damage, and the records around it survive", () => {
    const whole = Buffer.concat(
      [1, 2, 3].map((seq) => encodeRecord(seq, Buffer.from(`payload ${String(seq)}`))),
    );
    const one = whole.length / 3;
    for (let bit = one * 8; bit < 2 * one * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      const at = Math.floor(bit / 8);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
      const scan = scanSegment(flipped);
      expect(scan.records.map((record) => record.seq)).toEqual([1, 3]);
      expect(scan.damaged).toHaveLength(1);
    }
  });
});

describe("a simulated disk", () => {
  test(`in ${String(SEEDS)} histories of crashes, full disks and failed syncs no acknowledged record is lost and no garbage drained`, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      expect(await history(seed)).toEqual({ seed, left: 0, lost: [], garbage: [] });
    }
  }, 600_000);
});

interface Ledger {
  readonly acknowledged: Set<string>;
  readonly offered: Set<string>;
  readonly taken: Set<string>;
}

/** One history: boots with faults, each ending in a power cut; then a healthy boot that must find everything. */
async function history(seed: number): Promise<object> {
  const random = seeded(seed);
  const ledger: Ledger = { acknowledged: new Set(), offered: new Set(), taken: new Set() };
  let disk = simDisk(random);
  const boots = 1 + Math.floor(random() * 4);
  for (let boot = 0; boot < boots; boot += 1) {
    disk.setFaults({
      noSpace: random() < 0.4 ? random() * 0.2 : 0,
      io: random() < 0.4 ? random() * 0.2 : 0,
    });
    await live(disk, ledger, random, `${String(seed)}.${String(boot)}`);
    disk = disk.crash();
  }
  disk.setFaults({ noSpace: 0, io: 0 });
  const spool = await openSpool({ disk, segmentBytes: 400, reserveBytes: 512, onIncident: silent });
  for (const payload of await drained(spool)) {
    ledger.taken.add(payload);
  }
  return {
    seed,
    left: spool.depth(),
    lost: [...ledger.acknowledged].filter((payload) => !ledger.taken.has(payload)),
    garbage: [...ledger.taken].filter((payload) => !ledger.offered.has(payload)),
  };
}

function remember(into: Set<string>, payloads: readonly Buffer[]): void {
  for (const payload of payloads) {
    into.add(payload.toString("latin1"));
  }
}

async function offer(
  spool: Spool,
  ledger: Ledger,
  payloads: readonly string[],
  precious: boolean,
): Promise<void> {
  try {
    await spool.append(
      payloads.map((payload) => Buffer.from(payload, "latin1")),
      precious,
    );
  } catch (error) {
    expect(error instanceof SpoolFailed || error instanceof SpoolFull).toBe(true);
    return;
  }
  remember(
    ledger.acknowledged,
    payloads.map((payload) => Buffer.from(payload, "latin1")),
  );
}

async function live(
  disk: SimDisk,
  ledger: Ledger,
  random: () => number,
  name: string,
): Promise<void> {
  let spool: Spool;
  try {
    spool = await openSpool({ disk, segmentBytes: 400, reserveBytes: 512, onIncident: silent });
  } catch (error) {
    expect(error).toBeInstanceOf(DiskError);
    return;
  }
  for (let step = 0; step < 12; step += 1) {
    if (random() < 0.25) {
      await spool
        .drain(async (payloads) => {
          if (random() < 0.2) {
            throw new Error("the database is away");
          }
          remember(ledger.taken, payloads);
        }, 3)
        .catch(silent);
    } else {
      const payloads = Array.from(
        { length: 1 + Math.floor(random() * 4) },
        (_, index) =>
          `${name}.${String(step)}.${String(index)}${"x".repeat(Math.floor(random() * 60))}`,
      );
      for (const payload of payloads) {
        ledger.offered.add(payload);
      }
      await offer(spool, ledger, payloads, random() < 0.3);
    }
  }
}

describe("a bit that flips on the disk", () => {
  test("costs at most the record it is in, is told, and never drains as something else (F47)", async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const disk = simDisk(seeded(seed));
      const spool = await openSpool({ disk, reserveBytes: 0, onIncident: silent });
      const payloads = Array.from({ length: 9 }, (_, index) => `event ${String(index)}`);
      await spool.append(
        payloads.map((payload) => Buffer.from(payload)),
        false,
      );
      disk.flipBit();
      const incidents: string[] = [];
      const again = await openSpool({
        disk,
        reserveBytes: 0,
        onIncident: ({ kind }) => incidents.push(kind),
      });
      const found = await drained(again);
      expect(found.length).toBe(8);
      expect(payloads).toEqual(expect.arrayContaining(found));
      expect(incidents[0]).toBeDefined();
      const names = await disk.list();
      const [kept] = incidents[0] === "damage" ? ["000000000001.spool.damaged"] : [];
      expect(names.filter((name) => name.endsWith(".damaged"))).toEqual(
        kept === undefined ? [] : [kept],
      );
    }
  });

  test("leaves its bytes where somebody can look at them (they were deleted after the drain)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "purser-spool-"));
    try {
      const damages: string[] = [];
      const open = async (): Promise<Spool> =>
        openSpool({
          disk: await folderDisk(folder),
          reserveBytes: 0,
          onIncident: ({ kind }) => damages.push(kind),
        });
      const spool = await open();
      await spool.append(
        ["first", "second", "third"].map((text) => Buffer.from(text)),
        false,
      );
      const file = join(folder, "000000000001.spool");
      const bytes = readFileSync(file);
      // The last one: only the process that wrote it knows that it was whole.
      bytes[bytes.length - 1] = 0x21;
      writeFileSync(file, bytes);
      expect(await drained(spool)).toEqual(["first", "second"]);
      expect(spool.depth()).toBe(0);
      expect(readFileSync(`${file}.damaged`)).toEqual(bytes);
      expect(damages).toEqual(["damage"]);
      await spool.keepDamaged(Buffer.from("no record"));
      expect(damagedFiles(folder)).toBe(2);
      await spool.close();
      const again = await open();
      await again.append([Buffer.from("fourth")], false);
      expect(await drained(again)).toEqual(["fourth"]);
      expect(damagedFiles(folder)).toBe(2);
      await again.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("a full spool (F44)", () => {
  test("turns away what will be sent again and keeps room for what will not", async () => {
    const spool = await openSpool({
      disk: simDisk(seeded(1)),
      maxBytes: 1_000,
      reserveBytes: 1_000,
      onIncident: silent,
    });
    const big = Buffer.alloc(700);
    await spool.append([big], false);
    await expect(spool.append([big], false)).rejects.toBeInstanceOf(SpoolFull);
    await spool.append([big], true);
    await expect(spool.append([big], true)).rejects.toBeInstanceOf(SpoolFull);
    expect(spool.depth()).toBe(2);
    await drained(spool);
    await spool.append([big], false);
    expect(spool.depth()).toBe(1);
  });

  test("a disk without room gives up its reserve for what will not be sent again", async () => {
    const disk = simDisk(seeded(3));
    const spool = await openSpool({ disk, reserveBytes: 256, onIncident: silent });
    const full: SimDisk = disk;
    full.setFaults({ noSpace: 1, io: 0 });
    await expect(spool.append([Buffer.from("stripe")], false)).rejects.toBeInstanceOf(SpoolFull);
    expect(await disk.list()).toContain("reserve");
    await expect(spool.append([Buffer.from("twilio")], true)).rejects.toBeInstanceOf(SpoolFailed);
    expect(await disk.list()).not.toContain("reserve");
    full.setFaults({ noSpace: 0, io: 0 });
    await spool.append([Buffer.from("twilio")], true);
    expect(await drained(spool)).toEqual(expect.arrayContaining(["twilio"]));
  });
});

describe("the real disk", () => {
  test("keeps records over a reopening, in order, and forgets what was drained", async () => {
    const folder = mkdtempSync(join(tmpdir(), "purser-spool-"));
    try {
      const first = await openSpool({
        disk: await folderDisk(folder),
        segmentBytes: 100,
        reserveBytes: 1000,
        onIncident: silent,
      });
      await first.append([Buffer.from("a"), Buffer.from("b")], false);
      await first.append([Buffer.alloc(90, "c")], false);
      await first.append([Buffer.from("d")], false);
      await first.close();
      const second = await openSpool({
        disk: await folderDisk(folder),
        segmentBytes: 100,
        reserveBytes: 1000,
        onIncident: silent,
      });
      expect(second.depth()).toBe(4);
      expect(await drained(second)).toEqual(["a", "b", "c".repeat(90), "d"]);
      await second.close();
      const third = await openSpool({
        disk: await folderDisk(folder),
        reserveBytes: 1000,
        onIncident: silent,
      });
      expect(third.depth()).toBe(0);
      await third.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("a folder belongs to one living process; a dead one's is found and taken over (F48)", () => {
    const root = mkdtempSync(join(tmpdir(), "purser-spools-"));
    try {
      const mine = takeFolder(root, "intake-1");
      expect(() => takeFolder(root, "intake-1")).toThrow(SpoolFolderTaken);
      mkdirSync(join(root, "intake-2"));
      writeFileSync(
        join(root, "intake-2", "owner"),
        readFileSync(join(root, "intake-1", "owner"), "utf8").replace(
          `"pid":${String(process.pid)}`,
          '"pid":999999999',
        ),
      );
      writeFileSync(join(root, "intake-2", "000000000001.spool"), "");
      expect(orphanFolders(root)).toEqual(["intake-2"]);
      takeFolder(root, "intake-2").release();
      mine.release();
      takeFolder(root, "intake-1").release();
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test("an owner that is not whole, or of another container, is not judged dead by its pid (its folder was stolen)", () => {
    const root = mkdtempSync(join(tmpdir(), "purser-spools-"));
    const owner = join(root, "intake-1", "owner");
    try {
      const mine = takeFolder(root, "intake-1");
      writeFileSync(join(root, "intake-1", "000000000001.spool"), "");
      const text = readFileSync(owner, "utf8");
      const elsewhere = text
        .replace(/"pid":\d+/, '"pid":999999999')
        .replace(/"pids":"[^"]*"/, '"pids":"pid:[1]"')
        .replace(/"host":"[^"]*"/, '"host":"another"');
      for (const other of ["", elsewhere]) {
        writeFileSync(owner, other);
        expect(() => takeFolder(root, "intake-1")).toThrow(SpoolFolderTaken);
        expect(orphanFolders(root)).toEqual([]);
        mine.release();
        expect(readFileSync(owner, "utf8")).toBe(other);
        utimesSync(owner, 0, 0);
        expect(orphanFolders(root)).toEqual(["intake-1"]);
      }
      const rescued = takeFolder(root, "intake-1", "adopt");
      expect(orphanFolders(root)).toEqual([]);
      rescued.release();
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test("who comes back while a sibling empties its folder waits for it (it failed to start)", async () => {
    const root = mkdtempSync(join(tmpdir(), "purser-spools-"));
    try {
      const sibling = takeFolder(root, "intake-1", "adopt");
      const waiting = waitForFolder(root, "intake-1");
      sibling.release();
      const mine = await waiting;
      await expect(waitForFolder(root, "intake-1")).rejects.toThrow(SpoolFolderTaken);
      mine.release();
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
