import type { Clock } from "#platform/clock.ts";

import type { Appended, DurableLog } from "./durable-log.ts";

/** One flush of the intake: how many events of each fate one commit (or one sync of the spool) made safe, and how long it took. */
export interface FlushReport {
  readonly events: number;
  readonly ms: number;
  /** `failed`: not safe anywhere, the provider was told to send them again. */
  readonly fates: Readonly<Partial<Record<Appended | "failed", number>>>;
}

/** The log as it is, telling of each flush. */
export function measuredLog(
  log: DurableLog,
  clock: Clock,
  onFlush: (report: FlushReport) => void,
): DurableLog {
  return {
    append: async (batch) => {
      const startedMs = clock.monotonicMs();
      const tell = (fates: FlushReport["fates"]): void => {
        onFlush({ events: batch.length, ms: clock.monotonicMs() - startedMs, fates });
      };
      try {
        const outcomes = await log.append(batch);
        const fates: Partial<Record<Appended, number>> = {};
        for (const outcome of outcomes) {
          fates[outcome] = (fates[outcome] ?? 0) + 1;
        }
        tell(fates);
        return outcomes;
      } catch (error) {
        tell({ failed: batch.length });
        throw error;
      }
    },
  };
}
