import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/reference/faults.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| fault"));
const proofs = [...page.matchAll(/`([\w./-]+\.test\.ts)` "([^"]+)"/g)].map(
  ([, file = "", name = ""]) => [file, name] as const,
);

/** F1 to F31, F33 to F55 and F57. */
const PROMISED = Array.from({ length: 57 }, (_, n) => n + 1).filter((n) => n !== 32 && n !== 56);

/** Whether a test begins with this name: `test("`, `it.each(rows)("`, `])("`, or the name on a line of its own below those. */
function definesTest(source: string, name: string): boolean {
  const lines = source.split("\n");
  return lines.some(
    (line, index) =>
      line.includes(name) &&
      (/(?:\b(?:test|it)(?:\.each\(.*\))?|^\s*\]\))\([`"]/.test(line) ||
        (/^\s*[`"]/.test(line) && lines[index - 1]?.endsWith("(") === true)),
  );
}

describe("the page of faults", () => {
  test("has a row for every number that is promised, in order", () => {
    expect(rows.flatMap((row) => /^\| F(\d+) /.exec(row)?.[1] ?? []).map(Number)).toEqual(PROMISED);
  });

  test("names a proof in every row", () => {
    expect(rows.filter((row) => !/`[\w./-]+\.test\.ts` "|the same two/.test(row))).toEqual([
      "| promise | shown by |",
    ]);
  });

  test.each([...new Set(proofs.map(([file]) => file))])(
    "%s has every test it is said to have",
    (file) => {
      expect(existsSync(join(ROOT, file))).toBe(true);
      const source = readFileSync(join(ROOT, file), "utf8");
      const names = proofs.filter(([of]) => of === file).map(([, name]) => name);
      expect(names.filter((name) => !definesTest(source, name))).toEqual([]);
    },
  );
});
