import type { Bench } from "../kit/bench.ts";
import { type Figure, notRun } from "../kit/figures.ts";

/** Row 16. */
export function measureConsole(_bench: Bench): Promise<readonly Figure[]> {
  return Promise.resolve([notRun("16", "console over loopback", "not built yet")]);
}
