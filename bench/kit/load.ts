import { join } from "node:path";

import {
  type LoadOrder,
  type LoadResult,
  type Story,
  isReady,
  isResult,
} from "../load/protocol.ts";
import { BENCH, startTalker } from "./processes.ts";

export interface Target {
  readonly port: number;
  readonly path: string;
}

export interface Volley {
  readonly connections: number;
  readonly story: Story;
  readonly from: number;
  readonly to: number;
  readonly step?: number;
  readonly seconds: number | null;
  readonly warmupS?: number;
  readonly pauseMs?: number;
  readonly catalogue?: boolean;
  readonly wantIds?: boolean;
}

export interface LoadedVolley {
  fire(): Promise<LoadResult>;
}

/** Makes and signs the events in a process of its own; nothing is sent before `fire`. */
export async function loadVolley(target: Target, volley: Volley): Promise<LoadedVolley> {
  const order: LoadOrder = {
    kind: "order",
    port: target.port,
    path: target.path,
    connections: volley.connections,
    story: volley.story,
    from: volley.from,
    to: volley.to,
    step: volley.step ?? 1,
    catalogue: volley.catalogue ?? false,
    seconds: volley.seconds,
    warmupS: volley.warmupS ?? 0,
    pauseMs: volley.pauseMs ?? 0,
    wantIds: volley.wantIds ?? false,
  };
  const talker = await startTalker(join(BENCH, "load", "http-load.ts"), []);
  const ready = await talker.ask(order);
  if (!isReady(ready)) {
    throw new Error("The load generator did not get ready.");
  }
  return {
    fire: async () => {
      const result: unknown = await talker.ask({ kind: "fire" });
      await talker.stop();
      if (!isResult(result)) {
        throw new Error("The load generator answered something else than a result.");
      }
      return result;
    },
  };
}

export async function fireVolley(target: Target, volley: Volley): Promise<LoadResult> {
  const loaded = await loadVolley(target, volley);
  return loaded.fire();
}
