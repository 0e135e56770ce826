import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, delimiter, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { packagedNode } from "./node24.mjs";
import { MODULES, Refusal, ROOT, say } from "./paths.mjs";
import { runToEnd } from "./processes.mjs";

const LOCK_FILE = join(ROOT, "package-lock.json");
const STAMP = join(MODULES, ".purser-install");
const MUTEX = join(ROOT, ".purser-install.lock");

export function lockHash(text) {
  return createHash("sha256").update(`${process.platform}-${process.arch}\n${text}`).digest("hex");
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/**
 * Whether npm's own record of node_modules is what the lock file asks for; so that somebody who typed
 * `npm ci` or `npm install` himself does not wait for a second one. Optional packages may be absent:
 * they are mostly those of other platforms.
 */
export function isAsLocked(lockText, hiddenLockText) {
  if (hiddenLockText === null) {
    return false;
  }
  const wanted = JSON.parse(lockText).packages;
  const present = JSON.parse(hiddenLockText).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes("node_modules/") || entry.link === true) {
      return true;
    }
    const found = present[path];
    return found === undefined ? entry.optional === true : found.version === entry.version;
  });
}

/** @returns {"nothing" | "stamp" | "install"} what has to be done before node_modules can be used */
export function decideInstall({ lockText, stamp, hiddenLockText, hasNode }) {
  if (stamp?.trim() === lockHash(lockText) && hiddenLockText !== null) {
    return "nothing";
  }
  return hasNode && isAsLocked(lockText, hiddenLockText) ? "stamp" : "install";
}

function decideHere() {
  return decideInstall({
    lockText: readFileSync(LOCK_FILE, "utf8"),
    stamp: read(STAMP),
    hiddenLockText: read(join(MODULES, ".package-lock.json")),
    hasNode: existsSync(packagedNode()) || !process.platform.startsWith("linux"),
  });
}

function writeStamp() {
  try {
    writeFileSync(STAMP, `${lockHash(readFileSync(LOCK_FILE, "utf8"))}\n`);
  } catch {
    // A checkout that belongs to somebody else: it is asked again next time, which costs a millisecond.
  }
}

/** `npm ci` removes node_modules, and with it the Node that `npm start` may be running on. */
export function isInside(binary, folder = MODULES) {
  return binary.startsWith(folder + sep);
}

function outsideNode() {
  const fromPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "node"));
  return [process.env.npm_node_execpath, ...fromPath].find(
    (binary) => binary !== undefined && !isInside(binary) && existsSync(binary),
  );
}

/** Repeats this very command on a Node that the installation will not remove. */
async function moveOut(args) {
  const outside = outsideNode();
  const again = [join(ROOT, "tooling", "run.mjs"), ...args];
  if (outside !== undefined) {
    return runToEnd(outside, again);
  }
  const folder = mkdtempSync(join(tmpdir(), "purser-node-"));
  const copy = join(folder, "node");
  try {
    copyFileSync(process.execPath, copy);
    return await runToEnd(copy, again);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** npm keeps its cache in HOME; where that is read-only (or /nonexistent) it gets one in the temporary folder. */
export function npmEnvironment(env, home = homedir()) {
  const cache = env.npm_config_cache ?? join(home, ".npm");
  const usable = existsSync(cache) ? isWritable(cache) : isWritable(home);
  return {
    ...env,
    npm_config_update_notifier: "false",
    ...(usable
      ? {}
      : { npm_config_cache: join(tmpdir(), `purser-npm-${process.getuid?.() ?? 0}`) }),
  };
}

function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli !== undefined && basename(cli) === "npm-cli.js" && existsSync(cli)
    ? { command: process.execPath, first: [cli] }
    : { command: "npm", first: [] };
}

async function npmCi() {
  const { command, first } = npmCommand();
  // The only install script that matters (links of Postgres' libraries) is done by the server itself.
  const args = [...first, "ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  args.push("--no-audit", "--no-fund", "--loglevel=error");
  const begun = performance.now();
  const ticker = setInterval(() => {
    say(`  ... still installing (${Math.round((performance.now() - begun) / 1000)} s)`);
  }, 10_000);
  let code;
  try {
    code = await runToEnd(command, args, {
      cwd: ROOT,
      env: npmEnvironment(process.env),
      stdio: ["ignore", "inherit", "inherit"],
    });
  } catch (error) {
    throw new Refusal(
      `npm could not be run (${error.message}); Purser needs it to install what it is made of.`,
    );
  } finally {
    clearInterval(ticker);
  }
  if (code !== 0) {
    throw new Refusal(
      `Installing failed: npm ended with ${code}. What it said is above; starting again tries again.`,
    );
  }
  say(`Installed in ${Math.round((performance.now() - begun) / 1000)} s.`);
}

function holderOf(mutex) {
  const pid = Number(read(mutex));
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === "EPERM" ? pid : null;
  }
}

/** Two `npm start` at once: the second waits for the first one's installation and then has nothing to do. */
async function withMutex(work) {
  for (let told = false; ;) {
    try {
      writeFileSync(MUTEX, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") {
        throw new Refusal(`Purser cannot install into ${ROOT}: ${error.message}`);
      }
      const holder = holderOf(MUTEX);
      if (holder === null) {
        rmSync(MUTEX, { force: true });
      } else if (!told) {
        say(`Process ${holder} is installing here; waiting for it.`);
        told = true;
      }
      await sleep(200);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(MUTEX, { force: true });
  }
}

/**
 * Makes node_modules what package-lock.json says. Returns null when that is so, or the exit code of
 * the whole command where it had to be repeated on another Node.
 */
export async function ensureInstalled(args) {
  const todo = decideHere();
  if (todo === "stamp") {
    writeStamp();
  }
  if (todo !== "install") {
    return null;
  }
  if (isInside(process.execPath)) {
    return moveOut(args);
  }
  mkdirSync(ROOT, { recursive: true });
  await withMutex(async () => {
    if (decideHere() === "install") {
      say("Installing packages, Node 24 and Postgres among them (half a minute, once) ...");
      await npmCi();
      writeStamp();
    }
  });
  return null;
}
