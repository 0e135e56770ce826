import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, it } from "vitest";

import { openLog } from "./log.ts";

const home = mkdtempSync(join(tmpdir(), "purser-log-"));
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

it("a log is for its owner's eyes, also one that an earlier version left open to all", () => {
  const folder = join(home, "logs");
  const [old, fresh] = [join(folder, "serve.jsonl"), join(folder, "work.jsonl")];
  mkdirSync(folder, { recursive: true });
  writeFileSync(old, "{}\n");
  chmodSync(folder, 0o755);
  chmodSync(old, 0o644);
  for (const destination of [old, fresh]) {
    openLog({ level: "info", name: "test", destination });
  }
  expect([folder, old, fresh].map(modeOf)).toEqual(["700", "600", "600"]);
});
