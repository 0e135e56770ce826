import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { describe, expect, test } from "vitest";

import { MODULES, ROOT } from "./paths.mjs";

/** Names of the rules that the real configuration reports on one file. */
function lint(file, source) {
  const folder = mkdtempSync(join(tmpdir(), "purser-lint-"));
  try {
    symlinkSync(MODULES, join(folder, "node_modules"));
    cpSync(join(ROOT, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
    cpSync(join(ROOT, "tooling", "oxlint"), join(folder, "tooling", "oxlint"), { recursive: true });
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
    const cli = join(MODULES, "oxlint", "bin", "oxlint");
    const run = spawnSync(process.execPath, [cli, "-f", "json", file], {
      cwd: folder,
      encoding: "utf8",
    });
    return JSON.parse(run.stdout).diagnostics.map(({ code }) => code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const NOW = "export function stamp(): Date {\n  return new Date();\n}\n";
const WAITS = "export async function decide(): Promise<void> {\n  await Promise.resolve();\n}\n";

describe("purser/no-ambient-clock", () => {
  test("refuses new Date() and Date.now() in a room", () => {
    expect(lint("server/src/domains/inbox/x.ts", NOW)).toContain("purser(no-ambient-clock)");
    const called = "export const at = (): number => Date.now();\n";
    expect(lint("server/src/domains/inbox/x.ts", called)).toContain(
      "eslint(no-restricted-properties)",
    );
  });

  test("refuses Date() called as a function, which ignores its arguments", () => {
    const called = "export const text = (): string => Date();\n";
    expect(lint("server/src/domains/inbox/x.ts", called)).toContain("purser(no-ambient-clock)");
  });

  test.each(["server/src/platform/clock.ts", "sandbox/src/clock.ts"])("lets %s ask", (file) => {
    expect(lint(file, NOW)).toEqual([]);
  });

  test("lets a given instant be made into a Date", () => {
    const given = "export const at = (ms: number): Date => new Date(ms);\n";
    expect(lint("server/src/domains/inbox/x.ts", given)).toEqual([]);
  });
});

describe("purser/core-is-synchronous", () => {
  test.each([
    ["a declaration", WAITS],
    ["an arrow", "export const decide = async (): Promise<void> => {};\n"],
    ["a promise chain", "export const d = (p: Promise<number>) => p.then((n) => n + 1);\n"],
  ])("refuses %s that waits", (_what, source) => {
    expect(lint("server/src/domains/inbox/fate.core.ts", source)).toContain(
      "purser(core-is-synchronous)",
    );
  });

  test("has no say outside of cores", () => {
    expect(lint("server/src/domains/inbox/commands.ts", WAITS)).toEqual([]);
  });
});

test.each([
  ["an up-and-over import", 'export { a } from "../b/a.ts";\n', "eslint(no-restricted-imports)"],
  ["an environment variable", "export const home = process.env.HOME;\n", "node(no-process-env)"],
  [
    "chance",
    "export const dice = (): number => Math.random();\n",
    "eslint(no-restricted-properties)",
  ],
  ["the console", 'export const say = (): void => console.log("x");\n', "eslint(no-console)"],
  ["a note to self", "// TODO: later\nexport const a = 1;\n", "eslint(no-warning-comments)"],
  ["a default export", "export default 1;\n", "import(no-default-export)"],
])("refuses %s in a room", (_what, source, rule) => {
  expect(lint("server/src/domains/inbox/x.ts", source)).toContain(rule);
});
