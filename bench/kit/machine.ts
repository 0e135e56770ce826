import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

import { type Spread, short, spreadOf } from "./figures.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgres: string;
  /** Milliseconds of one 8 KB write and fdatasync beside the cluster. */
  readonly fsync: Spread;
}

/** What the disk itself does: the limit of every figure that ends in a commit. */
function measureFsync(folder: string): Spread {
  const file = join(folder, "fsync.probe");
  const block = Buffer.alloc(8_192, 1);
  const fd = openSync(file, "w");
  const times: number[] = [];
  for (let turn = 0; turn < 400; turn += 1) {
    const begun = performance.now();
    writeSync(fd, block, 0, block.length, (turn % 64) * block.length);
    fdatasyncSync(fd);
    times.push(performance.now() - begun);
  }
  closeSync(fd);
  rmSync(file, { force: true });
  const sorted = times.toSorted((a, b) => a - b);
  return { ...spreadOf(times), min: sorted[20] ?? 0, max: sorted[379] ?? 0 };
}

export function describeMachine(folder: string, postgres: string): Machine {
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    postgres,
    fsync: measureFsync(folder),
  };
}

export function machineLines(machine: Machine): readonly string[] {
  return [
    `${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB`,
    `Node ${machine.node.slice(1)}, embedded Postgres ${machine.postgres}: fsync, full_page_writes and synchronous_commit on`,
    `8 KB write + fdatasync on the disk of the cluster: ${short(machine.fsync.median)} ms (5 %-95 %: ${short(machine.fsync.min)}-${short(machine.fsync.max)})`,
  ];
}
