import { randomBytes } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import { isAlive, startedAt } from "#platform/postgres/shell.ts";

const OWNER = "owner";
const DAMAGED = ".damaged";
const BEAT_MS = 10_000;
/** Of an owner whose process cannot be seen from here: silent for longer than this, it is dead. */
const SILENT_MS = 90_000;
const RETRY_MS = 250;
const WAIT_MS = 2 * SILENT_MS;

export interface SpoolFolder {
  readonly path: string;
  /** Gives the folder up, so that another process may take it. */
  release(): void;
}

export class SpoolFolderTaken extends Error {
  /** Whether waiting may help: somebody only empties it, or may be dead where we cannot see it. */
  readonly passing: boolean;
  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

const ownerSchema = z.object({
  pid: z.number().int(),
  since: z.string(),
  /** Where the pid means something: a boot of a machine, and a namespace of pids in it. */
  boot: z.string(),
  pids: z.string(),
  host: z.string(),
  use: z.enum(["own", "adopt"]),
});
type Owner = z.infer<typeof ownerSchema>;
type Verdict = "alive" | "dead" | "unseen";

/**
 * Takes `root/name` for this process alone. A folder whose owner is dead is taken over; one whose
 * owner lives is refused. A process is known by its number, the instant it started and where that
 * number counts: containers that share a volume do not see each other's processes, so there the
 * owner's sign of life (the file's age, by the file system's own clock) decides.
 */
export function takeFolder(root: string, name: string, use: Owner["use"] = "own"): SpoolFolder {
  const path = join(root, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const owner = join(path, OWNER);
  const me = JSON.stringify({ ...here(), use });
  for (let tries = 0; tries < 3; tries += 1) {
    const temporary = join(path, `${OWNER}.${randomBytes(6).toString("hex")}`);
    try {
      // Written first and linked whole: nobody ever reads a lock that does not say whose it is.
      writeFileSync(temporary, me, { flag: "wx", mode: 0o600 });
      linkSync(temporary, owner);
      return hold(path, owner, me);
    } catch (error) {
      if (!isExisting(error)) {
        throw error;
      }
      clearDead(owner, temporary);
    } finally {
      rmSync(temporary, { force: true });
    }
  }
  throw new SpoolFolderTaken(`${path} is being taken by someone else.`, true);
}

/** As takeFolder, but waits where whoever has the folder will give it up or turn out to be dead. */
export async function waitForFolder(root: string, name: string): Promise<SpoolFolder> {
  for (let leftMs = WAIT_MS; ; leftMs -= RETRY_MS) {
    try {
      return takeFolder(root, name);
    } catch (error) {
      if (!(error instanceof SpoolFolderTaken) || !error.passing || leftMs <= 0) {
        throw error;
      }
    }
    await sleep(RETRY_MS);
  }
}

/** Names of folders below `root` that hold something and whose process is dead. */
export function orphanFolders(root: string): readonly string[] {
  const probe = join(root, `now.${randomBytes(6).toString("hex")}`);
  try {
    writeFileSync(probe, "", { mode: 0o600 });
    return readdirSync(root, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() &&
          holdsSegments(join(root, entry.name)) &&
          verdictOn(join(root, entry.name, OWNER), probe) === "dead",
      )
      .map((entry) => entry.name);
  } catch {
    return [];
  } finally {
    rmSync(probe, { force: true });
  }
}

/** Files kept in a folder because what is in them was once safe and cannot be read any more. */
export function damagedFiles(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(DAMAGED)).length;
  } catch {
    return 0;
  }
}

/** What was found damaged in an adopted folder is kept, and counted, by whoever adopted it. */
export function moveDamaged(
  from: { readonly path: string; readonly name: string },
  to: string,
): void {
  const names = from.path === to ? [] : readdirSync(from.path);
  for (const name of names.filter((one) => one.endsWith(DAMAGED))) {
    renameSync(join(from.path, name), join(to, `${from.name}.${name}`));
  }
}

function hold(path: string, owner: string, me: string): SpoolFolder {
  const timer = setInterval(() => {
    try {
      if (readFileSync(owner, "utf8") === me) {
        writeFileSync(owner, me, { flag: "r+" });
      }
    } catch {
      // A disk that takes no sign of life takes no events either; that is told where they are written.
    }
  }, BEAT_MS);
  timer.unref();
  return {
    path,
    release: () => {
      clearInterval(timer);
      if (readOwner(owner)?.text === me) {
        rmSync(owner, { force: true });
      }
    },
  };
}

function here(): Omit<Owner, "use"> {
  return {
    pid: process.pid,
    since: startedAt(process.pid),
    boot: textOf("/proc/sys/kernel/random/boot_id"),
    pids: namespaceOfPids(),
    host: `${hostname()} ${textOf("/etc/machine-id")}`,
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function namespaceOfPids(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function holdsSegments(folder: string): boolean {
  return readdirSync(folder).some((name) => name.endsWith(".spool"));
}

/** @param probe a file of the same file system, made just now */
function verdictOn(owner: string, probe: string): Verdict {
  const found = readOwner(owner);
  if (found === null) {
    return "dead";
  }
  const me = here();
  if (found.owner !== null && found.owner.boot === me.boot && found.owner.pids === me.pids) {
    const lives = isAlive(found.owner.pid) && startedAt(found.owner.pid) === found.owner.since;
    return lives ? "alive" : "dead";
  }
  if (found.owner !== null && found.owner.host === me.host && found.owner.boot !== me.boot) {
    return "dead"; // this machine, before it was started again
  }
  try {
    return statSync(probe).mtimeMs - statSync(owner).mtimeMs > SILENT_MS ? "dead" : "unseen";
  } catch {
    return "unseen";
  }
}

function readOwner(path: string): { readonly text: string; readonly owner: Owner | null } | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  try {
    return { text, owner: ownerSchema.parse(JSON.parse(text)) };
  } catch {
    return { text, owner: null };
  }
}

/** Returns where the lock is gone now; throws SpoolFolderTaken where its owner is not dead. */
function clearDead(owner: string, probe: string): void {
  const judged = readOwner(owner);
  if (judged === null) {
    return;
  }
  const verdict = verdictOn(owner, probe);
  if (verdict !== "dead") {
    throw new SpoolFolderTaken(
      verdict === "alive"
        ? `${owner} names a running process.`
        : `${owner} names a process of another container or machine that gave a sign of life a moment ago.`,
      verdict === "unseen" || judged.owner?.use === "adopt",
    );
  }
  const grave = `${probe}.grave`;
  try {
    renameSync(owner, grave);
    if (readFileSync(grave, "utf8") !== judged.text) {
      // Between judging and clearing somebody else cleared it and took the folder: it is theirs.
      linkSync(grave, owner);
    }
  } catch {
    // Someone else cleared it: the next try decides.
  } finally {
    rmSync(grave, { force: true });
  }
}

function isExisting(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "EEXIST";
}
