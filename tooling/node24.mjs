import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { MODULES, Refusal } from "./paths.mjs";

/** Type stripping without a flag or a warning. */
const OLDEST = [24, 12];

/** @param {string} version "24.21.0" */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

export function packagedNode(modules = MODULES) {
  return join(modules, `node-${process.platform}-${process.arch}`, "bin", "node");
}

function ask(binary) {
  const asked = spawnSync(binary, ["-p", "process.versions.node"], { encoding: "utf8" });
  return asked.status === 0 ? asked.stdout.trim() : null;
}

/**
 * The Node that runs the server: the one we run on where it is new enough, else the one that npm
 * installed. Each candidate is asked, because a binary for glibc exists on Alpine but does not run.
 */
export function findNode24(modules = MODULES) {
  if (isNewEnough(process.versions.node)) {
    return process.execPath;
  }
  const packaged = packagedNode(modules);
  const version = existsSync(packaged) ? ask(packaged) : null;
  if (version !== null && isNewEnough(version)) {
    return packaged;
  }
  throw new Refusal(
    `Purser's server needs Node ${OLDEST.join(".")} or newer. This is ${process.version}, and npm has no Node for ${process.platform}-${process.arch} that runs here` +
      `${existsSync(packaged) ? ` (${packaged} does not start: is this system without glibc?)` : ""}. Install Node 24 and start again.`,
  );
}
