import type { Fate } from "./ports.ts";

/** Stored; never renumber. 0 and 9 are not ends: tried again later, and waiting for a parent. */
const FATE_CODES = {
  applied: 1,
  ignored: 2,
  superseded: 3,
  quarantined: 4,
  waiting: 9,
} as const;
export const DEAD = 5;
export const LATER = 0;

/** Tries of one event before it is dead: with the backoff below about seven hours. */
export const MAX_ATTEMPTS = 12;
/** Times that a worker may die with a key alone in its hands. */
export const MAX_LONE_CRASHES = 3;

const FIRST_MS = 1_000;
const LONGEST_MS = 3_600_000;

/**
 * Milliseconds until the next try after `failures` failures: doubling from one second to an hour, up
 * to a quarter more by `chance` (0..1), so that what failed together does not come back together.
 */
export function backoffMs(failures: number, chance: number): number {
  const base = Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
  return Math.round(base * (1 + chance / 4));
}

export interface Verdict {
  readonly code: number;
  readonly reason: string | null;
  readonly by: string | null;
  readonly waitingFor: string | null;
}

export function verdictOf(fate: Fate): Verdict {
  switch (fate.kind) {
    case "applied":
      return { code: FATE_CODES.applied, reason: null, by: null, waitingFor: null };
    case "ignored":
    case "quarantined":
      return { code: FATE_CODES[fate.kind], reason: fate.reason, by: null, waitingFor: null };
    case "superseded":
      return { code: FATE_CODES.superseded, reason: fate.reason, by: fate.by, waitingFor: null };
    case "waiting":
      return { code: FATE_CODES.waiting, reason: fate.reason, by: null, waitingFor: fate.for };
  }
}

/** What a failed try means for the event: later, or never again. */
export function verdictOfFailure(attempts: number, error: string): Verdict {
  return attempts >= MAX_ATTEMPTS
    ? {
        code: DEAD,
        reason: `Failed ${String(attempts)} times; the last: ${error}`,
        by: null,
        waitingFor: null,
      }
    : { code: LATER, reason: error, by: null, waitingFor: null };
}

export type Trouble = "conflict" | "unavailable" | "event";

/**
 * Whose fault an error is: `conflict` goes away by itself within milliseconds (deadlock, serialization),
 * `unavailable` is the database's or the network's, `event` is what the batch did. Codes are SQLSTATE.
 */
export function troubleOf(error: unknown): Trouble {
  const code =
    typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  if (code === "40001" || code === "40P01") {
    return "conflict";
  }
  const lost =
    /^(08|53|57P|58)/.test(code) ||
    [
      "25006",
      "25P03",
      "57014",
      "55P03",
      "ECONNRESET",
      "ECONNREFUSED",
      "EPIPE",
      "ETIMEDOUT",
      "ENOENT",
    ].includes(code);
  const message = error instanceof Error ? error.message : "";
  return lost ||
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/i.test(
      message,
    )
    ? "unavailable"
    : "event";
}

/** Short, one line, no secrets' worth of length. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replaceAll(/\s+/g, " ").slice(0, 500);
}
