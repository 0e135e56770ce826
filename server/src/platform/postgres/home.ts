import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { type Account, canEnter, isAlive, startedAt } from "./shell.ts";

/** Where one cluster lives. `folder` is what the caller named; `home` may be elsewhere, see `openHome`. */
export interface Home {
  /** credentials, port and lock: always where the caller said */
  readonly folder: string;
  readonly home: string;
  readonly data: string;
  readonly log: string;
  readonly sockets: string;
}

export interface Credentials {
  readonly postgres: string;
  readonly purser_owner: string;
  readonly purser_service: string;
  readonly purser_operator: string;
}

/** sun_path holds 108 bytes, and Postgres appends `/.s.PGSQL.65535` and a lock's suffix. */
const LONGEST_SOCKET_FOLDER = 85;

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    return;
  }
  makeFolder(dirname(folder));
  mkdirSync(folder, { recursive: true });
  // Postgres' own user must pass through, whatever the umask says; the secrets below are 0600.
  chmodSync(folder, 0o711);
}

/** Folder of the data as decided at the first start, so that a later chmod does not make Purser "lose" them. */
function rememberedHome(folder: string): string | null {
  try {
    return readFileSync(join(folder, "moved-to"), "utf8").trim();
  } catch {
    return null;
  }
}

export function existingData(dataDir: string): string | null {
  const folder = resolve(dataDir);
  const data = join(rememberedHome(folder) ?? folder, "data");
  return existsSync(join(data, "PG_VERSION")) ? data : null;
}

function chooseHome(
  folder: string,
  account: Account | null,
  log: (message: string) => void,
): string {
  const remembered = rememberedHome(folder);
  if (remembered !== null) {
    log(`The database of ${folder} lies in ${remembered}.`);
    makeFolder(remembered);
    return remembered;
  }
  if (canEnter(account, folder)) {
    return folder;
  }
  const elsewhere = join("/var/lib/purser", fingerprint(folder));
  makeFolder(elsewhere);
  if (!canEnter(account, elsewhere)) {
    throw new Error(
      `Neither ${folder} nor ${elsewhere} can be reached by the user that Postgres runs as (uid ${account?.uid ?? "own"}). ` +
        "Let it pass (chmod o+x on each parent folder), set PURSER_DATA to another folder, or use PURSER_DATABASE_URL.",
    );
  }
  writeFileSync(join(folder, "moved-to"), `${elsewhere}\n`);
  log(
    `Postgres runs as uid ${account?.uid ?? "own"}, which may not enter ${folder}: ` +
      `its data go to ${elsewhere} instead (noted in ${join(folder, "moved-to")}).`,
  );
  return elsewhere;
}

function socketFolder(home: string): string {
  const inside = join(home, "s");
  return Buffer.byteLength(inside) <= LONGEST_SOCKET_FOLDER
    ? inside
    : join(tmpdir(), `purser-${fingerprint(home)}`);
}

/** The folder that the caller named, made where missing. @throws Error where it belongs to another user */
export function openFolder(dataDir: string): string {
  const folder = resolve(dataDir);
  makeFolder(folder);
  const uid = process.getuid?.();
  const owner = statSync(folder);
  if (uid !== undefined && uid !== 0 && owner.uid !== uid) {
    throw new Error(
      `${folder} belongs to uid ${owner.uid}, and this is uid ${uid}: Purser was started there by another user. ` +
        "Start it as that user, or set PURSER_DATA to a folder of your own.",
    );
  }
  if (uid === 0) {
    chmodSync(folder, (owner.mode & 0o777) | 0o011);
  }
  return folder;
}

/**
 * Decides where a cluster lives, and makes that place. Under root, where the database's own user
 * cannot enter `folder` (a project below /root with mode 700), the data go to /var/lib/purser and
 * `log` says so.
 *
 * @throws Error where the data belong to another user, or nobody could reach them
 */
export function openHome(
  folder: string,
  account: Account | null,
  log: (message: string) => void,
): Home {
  const uid = process.getuid?.();
  const home = chooseHome(folder, account, log);
  const data = join(home, "data");
  if (existsSync(data) && uid !== undefined && uid !== 0 && statSync(data).uid !== uid) {
    throw new Error(
      `The database in ${data} belongs to uid ${statSync(data).uid}: Purser ran as root here before. ` +
        `Run it as root again, set PURSER_DATA to another folder, or, with Purser stopped: chown -R ${uid} ${folder}`,
    );
  }
  const sockets = socketFolder(home);
  mkdirSync(sockets, { recursive: true, mode: 0o700 });
  give(sockets, account);
  if (statSync(sockets).uid !== (account?.uid ?? uid ?? statSync(sockets).uid)) {
    throw new Error(`${sockets} exists and belongs to somebody else; remove it.`);
  }
  return { folder, home, data, log: join(home, "postgres.log"), sockets };
}

export function give(path: string, account: Account | null): void {
  if (account !== null) {
    chownSync(path, account.uid, account.gid);
  }
}

function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** Written whole or not at all: a crash between the password and initdb must not lock us out of our own data. */
function writeSecret(path: string, text: string): void {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, text, { mode: 0o600, flush: true });
  renameSync(unfinished, path);
}

export function readCredentials(folder: string): Credentials | null {
  try {
    const parsed: Credentials = JSON.parse(readFileSync(join(folder, "credentials.json"), "utf8"));
    return parsed;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return null;
    }
    throw new Error(`${join(folder, "credentials.json")} cannot be read.`, { cause: error });
  }
}

/** The passwords of the cluster's logins, made at first need. @throws Error where data exist but their passwords are gone */
export function openCredentials(home: Home): Credentials {
  const known = readCredentials(home.folder);
  if (known !== null) {
    return known;
  }
  if (existsSync(join(home.data, "PG_VERSION"))) {
    throw new Error(
      `The database in ${home.data} exists but its passwords (${join(home.folder, "credentials.json")}) do not. ` +
        "Restore that file from a backup of the folder.",
    );
  }
  const made: Credentials = {
    postgres: newPassword(),
    purser_owner: newPassword(),
    purser_service: newPassword(),
    purser_operator: newPassword(),
  };
  writeSecret(join(home.folder, "credentials.json"), `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

export function rememberedPort(folder: string): number | null {
  try {
    const port = Number(readFileSync(join(folder, "port"), "utf8"));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
  } catch {
    return null;
  }
}

export function rememberPort(folder: string, port: number): void {
  writeFileSync(join(folder, "port"), `${port}\n`);
}

function holderOf(lock: string): number | null {
  try {
    const [pid, since] = readFileSync(lock, "utf8").trim().split(" ");
    const holder = Number(pid);
    return isAlive(holder) && startedAt(holder) === since ? holder : null;
  } catch {
    return null;
  }
}

/**
 * One supervisor per folder. The lock is a file with pid and start time: it needs no clean-up after
 * kill -9, and a pid that was given to another program does not count.
 *
 * @returns what releases it
 * @throws Error naming the process that holds it
 */
export function lockHome(folder: string): () => void {
  const lock = join(folder, "supervisor.pid");
  const mine = `${process.pid} ${startedAt(process.pid)}\n`;
  const unfinished = `${lock}.${process.pid}`;
  writeFileSync(unfinished, mine);
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (linked(unfinished, lock)) {
        return () => rmSync(lock, { force: true });
      }
      refuseLiving(holderOf(lock), folder);
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(unfinished, { force: true });
  }
  throw new Error(`The lock ${lock} could not be taken.`);
}

/** link, not open: the file is never seen empty. */
function linked(unfinished: string, lock: string): boolean {
  try {
    linkSync(unfinished, lock);
    return true;
  } catch {
    return false;
  }
}

function refuseLiving(holder: number | null, folder: string): void {
  if (holder !== null) {
    throw new Error(
      `Process ${holder} runs the database in ${folder} already. Stop it, or set PURSER_DATA (and PURSER_PORT) to run a second Purser.`,
    );
  }
}
