import { mkdirSync } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "#platform/clock.ts";

import type { Anchor } from "./model.ts";
import type { AnchorStore } from "./ports.ts";

const FILE = /^audit-anchors-\d{4}-\d{2}\.log$/u;
const LINE = /^\S+ (?<workspace>\d+) (?<n>\d+) (?<hash>[0-9a-f]{64})$/u;

/**
 * Anchors in append-only files of one month each, `<instant> <workspace> <seal> <hash>` a line, on disk
 * before `append` returns. Put the folder on another volume, or ship the files away: what a database's
 * administrator cannot reach is what makes a cut or rewritten chain visible.
 */
export function openAnchorFiles(folder: string, clock: Clock): AnchorStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    append: async (anchors) => {
      const instant = clock.now().toISOString();
      const lines = anchors.map(
        (each) => `${instant} ${each.workspaceId} ${each.n} ${each.hash}\n`,
      );
      const file = await open(join(folder, `audit-anchors-${instant.slice(0, 7)}.log`), "a", 0o600);
      try {
        await file.appendFile(lines.join(""));
        await file.datasync();
      } finally {
        await file.close();
      }
    },
    read: async (workspaceId) => {
      const names = (await readdir(folder)).filter((name) => FILE.test(name)).toSorted();
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
      return texts
        .flatMap((text) => text.split("\n"))
        .map(parseLine)
        .filter((anchor) => anchor?.workspaceId === workspaceId)
        .filter((anchor) => anchor !== null);
    },
  };
}

/** A line torn by a crash is not an anchor; the sealer writes it again. */
function parseLine(line: string): Anchor | null {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) {
    return null;
  }
  return {
    workspaceId: Number(groups["workspace"]),
    n: Number(groups["n"]),
    hash: groups["hash"] ?? "",
  };
}
