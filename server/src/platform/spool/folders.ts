import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isAlive, startedAt } from "#platform/postgres/shell.ts";

const OWNER = "owner";

export interface SpoolFolder {
  readonly path: string;
  /** Gives the folder up, so that another process may take it. */
  release(): void;
}

export class SpoolFolderTaken extends Error {}

/**
 * Takes `root/name` for this process alone. A folder whose owner is dead is taken over; one whose
 * owner lives is refused. A process is known by its number and the instant it started, since numbers
 * come round again.
 */
export function takeFolder(root: string, name: string): SpoolFolder {
  const path = join(root, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const owner = join(path, OWNER);
  const me = `${String(process.pid)} ${startedAt(process.pid)}`;
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      writeFileSync(owner, me, { flag: "wx", mode: 0o600 });
      return {
        path,
        release: () => {
          rmSync(owner, { force: true });
        },
      };
    } catch (error) {
      if (!isExisting(error)) {
        throw error;
      }
      if (!clearDead(owner)) {
        throw new SpoolFolderTaken(`${path} belongs to a running process.`);
      }
    }
  }
  throw new SpoolFolderTaken(`${path} is being taken by someone else.`);
}

/** Names of folders below `root` that hold something and whose process is dead. */
export function orphanFolders(root: string): readonly string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() &&
          !livesIn(join(root, entry.name, OWNER)) &&
          holdsSegments(join(root, entry.name)),
      )
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function holdsSegments(folder: string): boolean {
  return readdirSync(folder).some((name) => name.endsWith(".spool"));
}

function livesIn(owner: string): boolean {
  try {
    const [pid, since] = readFileSync(owner, "utf8").split(" ");
    return isAlive(Number(pid)) && startedAt(Number(pid)) === since;
  } catch {
    return false;
  }
}

/** True where the lock is gone now. Renamed first: of two that clear at once only one succeeds, and it clears what it judged. */
function clearDead(owner: string): boolean {
  if (livesIn(owner)) {
    return false;
  }
  try {
    const grave = `${owner}.${String(process.pid)}`;
    renameSync(owner, grave);
    rmSync(grave, { force: true });
  } catch {
    // Someone else cleared it: the next try decides.
  }
  return true;
}

function isExisting(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "EEXIST";
}
