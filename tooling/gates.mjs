import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { findBlindness } from "./arrows.mjs";
import { MODULES, ROOT, say } from "./paths.mjs";
import { environmentFor } from "./processes.mjs";

const bin = (name) => join(MODULES, ".bin", name);
const WORKSPACES = ["server", "sandbox", "console", "tests", "bench"];
const SOURCES = ["server/src", "sandbox/src", "console/src", "tests"];

function tool(node, name, args) {
  const run = spawnSync(bin(name), args, {
    cwd: ROOT,
    env: environmentFor(node),
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (run.error !== undefined) {
    say(`${name}: ${run.error.message}`);
  }
  return run.status ?? 1;
}

function types(node) {
  return WORKSPACES.filter((name) => existsSync(join(ROOT, name, "tsconfig.json")))
    .map((name) => tool(node, "tsc", ["-p", name, "--noEmit"]))
    .reduce((worst, code) => Math.max(worst, code), 0);
}

function arrows(node) {
  const blind = findBlindness(node);
  if (blind !== null) {
    say(`The canary of the arrows is dead: ${blind}`);
    return 1;
  }
  const present = SOURCES.filter((folder) => existsSync(join(ROOT, folder)));
  return tool(node, "depcruise", ["--config", ".dependency-cruiser.cjs", ...present]);
}

const GATES = {
  format: (node) => tool(node, "oxfmt", ["--check", "."]),
  types,
  lint: (node) =>
    tool(node, "oxlint", ["--type-aware", "--deny-warnings", "--report-unused-disable-directives"]),
  arrows,
  docs: (node) => tool(node, "node", ["tooling/docs/main.ts", "--check"]),
  "dead code": (node) => tool(node, "knip", []),
};

/** Runs every gate even where one fails, so that one run tells everything. `args` choose some by name. */
export async function runGates(node, args) {
  const results = [];
  for (const [name, gate] of Object.entries(GATES)) {
    if (args.length === 0 || args.includes(name)) {
      say(`== ${name}`);
      const begun = performance.now();
      const code = gate(node);
      results.push({ name, code, seconds: (performance.now() - begun) / 1000 });
    }
  }
  say("");
  for (const { name, code, seconds } of results) {
    say(`${code === 0 ? "ok  " : "FAIL"} ${name.padEnd(10)} ${seconds.toFixed(1)} s`);
  }
  return results.every(({ code }) => code === 0) ? 0 : 1;
}
