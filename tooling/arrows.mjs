import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { MODULES, ROOT } from "./paths.mjs";

const HOUSE = ["package.json", "server/package.json", "console/package.json"];

/**
 * A house of a few files in a temporary folder, under the real rules.
 * @param {Record<string, string>} files path -> source
 * @returns {Array<{ rule: string, from: string, to: string }>} what the rules say about them
 */
export function cruise(node, files) {
  const folder = mkdtempSync(join(tmpdir(), "purser-arrows-"));
  try {
    linkModules(folder);
    for (const file of [...HOUSE, "sandbox/package.json", ".dependency-cruiser.cjs"]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(ROOT, file), join(folder, file));
    }
    for (const [file, source] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), source);
    }
    const cli = join(MODULES, "dependency-cruiser", "bin", "dependency-cruiser.mjs");
    const run = spawnSync(
      node,
      [cli, "--config", ".dependency-cruiser.cjs", "-T", "json", ...roots(files)],
      { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
    );
    if (!run.stdout.startsWith("{")) {
      throw new Error(`dependency-cruiser said: ${run.stdout}${run.stderr}`);
    }
    return JSON.parse(run.stdout).summary.violations.map(({ rule, from, to }) => ({
      rule: rule.name,
      from,
      to,
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packages as they are, but the workspaces (`purser`) as they are in that folder. */
function linkModules(folder) {
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(MODULES)) {
    const target = name === "purser" ? join(folder, "server") : join(MODULES, name);
    symlinkSync(target, join(modules, name));
  }
}

function roots(files) {
  return [...new Set(Object.keys(files).map((file) => file.split("/")[0]))];
}

/**
 * With TypeScript 7 alone dependency-cruiser reads no .ts at all, and passes. So it is first shown a
 * house that is wrong (a type-only import, the hardest to see); one that it finds in order is blind.
 * @returns {string | null} what is wrong with the watchman
 */
export function findBlindness(node) {
  const found = cruise(node, {
    "server/src/platform/canary.ts":
      'import type { Canary } from "#domains/inbox/model.ts";\nexport type Bird = Canary;\n',
    "server/src/domains/inbox/model.ts": "export type Canary = string;\n",
  });
  return found.some(({ rule }) => rule === "platform-knows-no-business")
    ? null
    : "a platform file that imports a room was not reported (is @swc/core installed, parser still swc?)";
}
