import type { Ctx } from "#platform/context.ts";

import type { Figures, Level } from "./model.ts";

/** One look at a part of the house. Answers within two seconds or counts as failed. */
export interface HealthCheck {
  readonly name: string;
  /** Without it nothing can be asked of this process: `/ready` turns 503 where it fails. */
  readonly required: boolean;
  readonly run: () => Promise<{ readonly level: Level; readonly sentence: string }>;
}

/** Arrivals, failures and failed payments per minute; oldest first, the last is the minute that runs. */
export interface Series {
  readonly startsAt: Date;
  readonly arrivals: readonly number[];
  readonly failures: readonly number[];
  readonly paymentFailures: readonly number[];
}

export interface ChangeLine {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: { readonly kind: string; readonly id: string } | null;
}

export interface SwitchLine {
  readonly provider: string;
  readonly lane: number;
  readonly paused: boolean;
  readonly maxConcurrency: number | null;
  readonly ratePerS: number | null;
  readonly setBy: string;
  readonly setAt: Date;
  /** Whether the asker's workspace is the installation's own, which turns the valves. */
  readonly mayTurn: boolean;
}

export interface JobLine {
  readonly name: string;
  readonly title: string;
  readonly nextRunAt: string | null;
  readonly lastRun: {
    readonly outcome: string;
    readonly startedAt: string;
    readonly endedAt: string | null;
    readonly note: string | null;
  } | null;
  readonly active: number;
  readonly dead: number;
}

/** What the bridge reads from the rooms below it, all within the caller's workspace. */
export interface WatchSources {
  readonly figures: (ctx: Ctx, windowMinutes: number) => Promise<Figures>;
  readonly series: (ctx: Ctx, minutes: number) => Promise<Series>;
  readonly changes: (ctx: Ctx, since: Date) => Promise<readonly ChangeLine[]>;
  readonly switches: (ctx: Ctx) => Promise<readonly SwitchLine[]>;
  readonly jobs: (ctx: Ctx) => Promise<readonly JobLine[]>;
}
