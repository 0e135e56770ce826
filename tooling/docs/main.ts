import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { drawHouse } from "./house.ts";
import { operationsPage } from "./operations.ts";
import { problemsPage } from "./problems.ts";

/**
 * `docs/reference` and the picture in docs/architecture.md are made from the code.
 * `--check` writes nothing and ends with 1 where a page is not what the code says.
 */
const ROOT = join(fileURLToPath(import.meta.url), "../../..");
const START = "<!-- made by npm run docs: start -->";
const END = "<!-- made by npm run docs: end -->";

const pages: readonly (readonly [string, string])[] = [
  ["docs/reference/operations.md", operationsPage()],
  ["docs/reference/problems.md", await problemsPage(ROOT)],
  ["docs/architecture.md", between(read("docs/architecture.md"), drawHouse(ROOT))],
];

const stale = pages.filter(([path, text]) => read(path) !== text);
if (process.argv.includes("--check")) {
  for (const [path] of stale) {
    process.stderr.write(`${path} is not what the code says: run npm run docs.\n`);
  }
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [path, text] of stale) {
    writeFileSync(join(ROOT, path), text);
    process.stdout.write(`wrote ${path}\n`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return "";
  }
}

function between(page: string, made: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) {
    throw new Error(`docs/architecture.md lacks the lines ${START} and ${END}.`);
  }
  return `${page.slice(0, start)}${START}\n\n${made}\n${page.slice(end)}`;
}
