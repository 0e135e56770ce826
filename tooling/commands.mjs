import { existsSync } from "node:fs";
import { join } from "node:path";

import { ensureChromium } from "./browser.mjs";
import { ensureConsole } from "./console-build.mjs";
import { runGates } from "./gates.mjs";
import { ensureInstalled } from "./install.mjs";
import { findNode24 } from "./node24.mjs";
import { MODULES, Refusal, ROOT, say } from "./paths.mjs";
import { environmentFor, runToEnd } from "./processes.mjs";

async function start(node, args) {
  await ensureConsole(node);
  return runToEnd(node, [join(ROOT, "server", "src", "main.ts"), "start", ...args]);
}

async function bench(node, args) {
  return runToEnd(node, [join(ROOT, "bench", "main.ts"), ...args], { env: environmentFor(node) });
}

/** Makes the pages under docs/ that are made from the code; `--check` only compares. */
async function docs(node, args) {
  return runToEnd(node, [join(ROOT, "tooling", "docs", "main.ts"), ...args]);
}

/** Whether these arguments of vitest may reach tests that drive the whole product. */
export function wantsWhole(args, kind) {
  return args.length === 0 || args.some((word) => word.includes(kind) || word === "tests");
}

/** Arguments that choose tests go to vitest as they are; without any, everything runs that can run here. */
async function test(node, args) {
  const wantsBrowser = wantsWhole(args, "browser") && existsSync(join(ROOT, "tests", "browser"));
  const browser = wantsBrowser ? ensureChromium() : null;
  if (["browser", "journeys", "crash"].some((kind) => wantsWhole(args, kind))) {
    await ensureConsole(node);
  }
  const env = environmentFor(node);
  const selection = [...args];
  if (browser !== null && "path" in browser) {
    env.PURSER_TEST_CHROMIUM = browser.path;
  }
  if (browser !== null && "why" in browser) {
    selection.push("--project", "!browser");
    say(`NOT RUN: the tests of tests/browser, because ${browser.why}.`);
  }
  const code = await runToEnd(node, [join(MODULES, "vitest", "vitest.mjs"), "run", ...selection], {
    cwd: ROOT,
    env,
    // Without standard input: vitest must not wait for a key, nor a test for a person.
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (browser !== null && "why" in browser) {
    say(`NOT RUN: the tests of tests/browser, because ${browser.why}.`);
  }
  return code;
}

async function check(node, args) {
  const gates = await runGates(node, args);
  const tests = await test(node, []);
  return gates === 0 ? tests : gates;
}

const COMMANDS = { start, test, bench, check, docs, gates: runGates };

/** @param {string[]} args the command and its arguments; @returns {Promise<number>} the exit code */
export async function main(args) {
  const [name = "", ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(`Usage: node tooling/run.mjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
    return 2;
  }
  try {
    const repeated = await ensureInstalled(args);
    return repeated ?? (await command(findNode24(), rest));
  } catch (error) {
    if (error instanceof Refusal) {
      say(error.message);
      return 1;
    }
    throw error;
  }
}
