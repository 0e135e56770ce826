import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findOrphan } from "#platform/postgres/cluster.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { isAlive, startedAt } from "#platform/postgres/shell.ts";

const PREFIX = "purser-test-";
const ROOM_BYTES = 1024 ** 3;

/** A clone of the template is 1,000 small files: 20 ms on tmpfs, half a second on a disk. */
function fastFolder(): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    return bavail * bsize > ROOM_BYTES ? "/dev/shm" : tmpdir();
  } catch {
    return tmpdir();
  }
}

function isOver(folder: string): boolean {
  try {
    const [pid, since] = readFileSync(join(folder, "supervisor.pid"), "utf8").trim().split(" ");
    return !isAlive(Number(pid)) || startedAt(Number(pid)) !== since;
  } catch {
    return false; // just being made: the next run will see
  }
}

/** A run that was killed leaves its postmaster and half a gigabyte of memory behind. */
function removeDeadRuns(parent: string): void {
  const folders = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(parent, name));
  for (const folder of folders.filter(isOver)) {
    try {
      const orphan = findOrphan(join(folder, "data"));
      if (orphan !== null) {
        process.kill(orphan.pid, "SIGQUIT"); // SIGKILL would leave its shared memory behind
      }
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another run cleans up too, or it is another user's.
    }
  }
}

/**
 * A throw-away cluster. "tests" durability (no fsync) unless said otherwise. That is enough for a
 * test that kills Postgres: a commit is still written before it is acknowledged, and the kernel
 * keeps what a killed process wrote. (synchronous_commit = off would lose rows; it did.)
 */
export async function startTestCluster(
  options: { readonly durability?: "full" | "tests" } = {},
): Promise<EmbeddedPostgres & { readonly folder: string; remove(): Promise<void> }> {
  const parent = fastFolder();
  removeDeadRuns(parent);
  const folder = mkdtempSync(join(parent, PREFIX));
  try {
    const cluster = await startEmbeddedPostgres({
      dataDir: folder,
      log: () => undefined,
      durability: options.durability ?? "tests",
    });
    return {
      ...cluster,
      folder,
      remove: async () => {
        await cluster.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
