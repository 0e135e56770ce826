import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { say } from "./paths.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const APT_MS = 600_000;

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function playwrightDownloads() {
  const cache = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), ".cache", "ms-playwright");
  if (!existsSync(cache)) {
    return [];
  }
  return readdirSync(cache)
    .filter((name) => name.startsWith("chromium"))
    .map((name) => join(cache, name))
    .flatMap((folder) => [
      join(folder, "chrome-linux", "chrome"),
      join(folder, "chrome-linux64", "chrome"),
      join(folder, "chrome-linux", "headless_shell"),
    ]);
}

/** Path of a Chromium on this machine, or null. PURSER_TEST_CHROMIUM names one; "off" means none. */
export function findChromium() {
  const named = process.env.PURSER_TEST_CHROMIUM;
  if (named !== undefined && named !== "") {
    return isExecutable(named) ? named : null;
  }
  const folders = (process.env.PATH ?? "").split(":").concat("/usr/bin", "/usr/local/bin");
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...playwrightDownloads()].find(isExecutable) ?? null;
}

function aptGet(args) {
  const run = spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "-qq", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: APT_MS,
  });
  return run.status === 0;
}

/**
 * The browser of the browser tests, installed from Debian where we may (root and apt-get).
 * @returns {{ path: string } | { why: string }}
 */
export function ensureChromium() {
  const found = findChromium();
  if (found !== null) {
    return { path: found };
  }
  if (process.env.PURSER_TEST_CHROMIUM === "off") {
    return { why: "PURSER_TEST_CHROMIUM=off" };
  }
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    return { why: "there is no Chromium here, and only root with apt-get could install one" };
  }
  say("Installing Chromium for the browser tests (apt-get, once) ...");
  const packages = ["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"];
  if (!aptGet(packages)) {
    aptGet(["update"]);
    aptGet(packages);
  }
  const installed = findChromium();
  return installed === null ? { why: "apt-get could not install chromium" } : { path: installed };
}
