import type { Clock } from "#platform/clock.ts";

import type { HealthView } from "./contract.ts";
import type { HealthCheck } from "./ports.ts";

const CHECK_TIMEOUT_MS = 2_000;

type CheckView = HealthView["checks"][number];

/** Worst first: one failed required check is "down", anything else not ok is "degraded". */
function statusOf(
  checks: readonly Pick<CheckView, "name" | "level">[],
  required: ReadonlySet<string>,
): HealthView["status"] {
  if (checks.some(({ name, level }) => level === "fail" && required.has(name))) {
    return "down";
  }
  return checks.every(({ level }) => level === "ok" || level === "held") ? "ok" : "degraded";
}

export interface HealthRoom {
  readonly version: string;
  readonly startedAt: Date;
  readonly clock: Clock;
  readonly checks: readonly HealthCheck[];
}

async function look(check: HealthCheck, clock: Clock): Promise<CheckView> {
  const startedMs = clock.monotonicMs();
  const { promise: late, resolve } = Promise.withResolvers<{ level: "fail"; sentence: string }>();
  const timer = setTimeout(resolve, CHECK_TIMEOUT_MS, {
    level: "fail",
    sentence: `No answer within ${CHECK_TIMEOUT_MS / 1000} seconds`,
  });
  try {
    const found = await Promise.race([check.run(), late]);
    return { name: check.name, ...found, ms: elapsed(clock, startedMs) };
  } catch {
    // What broke is in the log; a page that anybody may read says only that it did.
    return {
      name: check.name,
      level: "fail",
      sentence: "Does not answer",
      ms: elapsed(clock, startedMs),
    };
  } finally {
    clearTimeout(timer);
  }
}

function elapsed(clock: Clock, startedMs: number): number {
  return Math.round((clock.monotonicMs() - startedMs) * 10) / 10;
}

/** Looks at every part at once; never throws. */
export async function health(room: HealthRoom): Promise<HealthView> {
  const checks = await Promise.all(room.checks.map((check) => look(check, room.clock)));
  const required = new Set(
    room.checks.filter((check) => check.required).map((check) => check.name),
  );
  return {
    status: statusOf(checks, required),
    version: room.version,
    startedAt: room.startedAt.toISOString(),
    at: room.clock.now().toISOString(),
    checks,
  };
}
