import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { SECRET, storyEvent } from "../load/events.ts";
import type { Bench } from "./bench.ts";
import type { Target } from "./load.ts";
import { BENCH, type Part, type Talker, startPart, startTalker } from "./processes.ts";

const PEERS = join(BENCH, "peers");

/** The peers have a lock of their own: who runs Purser never installs them. @throws Error where npm fails */
export function ensurePeers(say: (text: string) => void): void {
  if (existsSync(join(PEERS, "node_modules", "pg-boss", "package.json"))) {
    return;
  }
  say("Installing the peers (once) ...");
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: PEERS,
    encoding: "utf8",
  });
  if (npm.status !== 0) {
    throw new Error(`The peers could not be installed: ${npm.stderr.slice(-1_000)}`);
  }
}

export type HttpPeer = "sync-engine" | "one-commit" | "verify-only";

export async function startHttpPeer(bench: Bench, mode: HttpPeer): Promise<Part & Target> {
  const part = await startPart([process.execPath, join(PEERS, "http.mjs"), mode, bench.peersUrl], {
    env: { BENCH_SECRET: SECRET, NODE_ENV: "production" },
    logFile: bench.logFile,
  });
  const ready: unknown = JSON.parse(part.ready);
  const port =
    typeof ready === "object" && ready !== null && "port" in ready ? Number(ready.port) : 0;
  return { ...part, port, path: "/webhook" };
}

export interface Inserter {
  /** Rows a second of 64 connections, and the table so far. */
  round(seconds: number): Promise<{ perSecond: number; rows: number; bytes: number }>;
  stop(): Promise<void>;
}

export async function startInserter(bench: Bench, bodies: readonly string[]): Promise<Inserter> {
  const talker = await startTalker(join(PEERS, "insert.mjs"), [bench.peersUrl]);
  await talker.ask({ bodies });
  return {
    round: async (seconds) => {
      const answer = await talker.ask({ seconds });
      return {
        perSecond: Number(answer["perSecond"]),
        rows: Number(answer["rows"]),
        bytes: Number(answer["bytes"]),
      };
    },
    stop: () => talker.stop(),
  };
}

export type QueuePeer = "graphile-default" | "graphile-tuned" | "pg-boss";

export interface Queue {
  add(bodies: readonly string[]): Promise<void>;
  /** Works off `count` events; events a second. */
  drain(count: number): Promise<number>;
  stop(): Promise<void>;
}

export async function startQueue(bench: Bench, mode: QueuePeer): Promise<Queue> {
  const talker: Talker = await startTalker(join(PEERS, "queue.mjs"), [mode, bench.peersUrl]);
  await talker.ask({ prepare: true });
  return {
    add: async (bodies) => {
      for (let at = 0; at < bodies.length; at += 1_000) {
        await talker.ask({ bodies: bodies.slice(at, at + 1_000) });
      }
    },
    drain: async (count) => Number((await talker.ask({ drain: count }))["perSecond"]),
    stop: () => talker.stop(),
  };
}

export function bodiesOf(bench: Bench, from: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) =>
    storyEvent(bench.story, from + index).body.toString("utf8"),
  );
}
