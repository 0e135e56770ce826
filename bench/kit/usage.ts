import type { Bench } from "./bench.ts";
import { busySeconds, cpuSeconds, familySeconds } from "./processes.ts";

export interface Usage<Name extends string> {
  readonly seconds: number;
  readonly parts: Readonly<Record<Name, number>>;
  readonly postgres: number;
  readonly busy: number;
}

/** Begins to count; the function it answers with ends it. Processor seconds, by process. */
export function watchUsage<Name extends string>(
  bench: Bench,
  pids: Readonly<Record<Name, number>>,
): () => Usage<Name> {
  const read = (): {
    parts: Record<string, number>;
    postgres: number;
    busy: number;
    at: number;
  } => ({
    parts: Object.fromEntries(
      Object.entries<number>(pids).map(([name, pid]) => [name, cpuSeconds(pid)]),
    ),
    postgres: familySeconds(bench.cluster.pid()),
    busy: busySeconds(),
    at: performance.now(),
  });
  const before = read();
  return () => {
    const after = read();
    const parts = Object.fromEntries(
      Object.entries(after.parts).map(([name, used]) => [name, used - (before.parts[name] ?? 0)]),
    );
    return {
      seconds: (after.at - before.at) / 1000,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same names as were given
      parts: parts as Record<Name, number>,
      postgres: after.postgres - before.postgres,
      busy: after.busy - before.busy,
    };
  };
}
