/** Colour, icon and word of a state; `held` means that a person paused it. */
export const LEVELS = ["ok", "warn", "fail", "unknown", "held"] as const;
export type Level = (typeof LEVELS)[number];

/** Lanes of the inbox as people call them. */
const LANE_NAMES: Readonly<Record<number, string>> = {
  0: "compliance",
  1: "money",
  5: "rest",
  9: "replay",
};

export function laneName(lane: number): string {
  return LANE_NAMES[lane] ?? `lane ${lane}`;
}

/** What waits in one lane, of one workspace. */
export interface LaneFigures {
  readonly lane: number;
  /** Ready or tried before and waiting for the next try. */
  readonly waiting: number;
  /** Behind a key in trouble, or waiting for a parent. */
  readonly parked: number;
  readonly oldestReceivedAt: Date | null;
  readonly arrivedPerMinute: number;
  readonly servedPerMinute: number;
  /** Providers whose valve of this lane is closed. */
  readonly pausedBy: readonly {
    readonly provider: string;
    readonly by: string;
    readonly at: Date;
    /** Whether the asker's workspace is the one that may open it again. */
    readonly mayTurn: boolean;
  }[];
}

export interface FailureFigures {
  readonly windowMinutes: number;
  readonly received: number;
  readonly finished: number;
  readonly quarantined: number;
  readonly dead: number;
  readonly firstFailureAt: Date | null;
  readonly refusedSignatures: number;
  readonly paymentsPaid: number;
  readonly paymentFailures: number;
  readonly firstPaymentFailureAt: Date | null;
  /** Second contents that came under the id of an event that was there already. */
  readonly conflicts: number;
  readonly firstConflictAt: Date | null;
}

export interface NodeFigures {
  readonly workersSeen: number;
  /** The last sign of life of any worker; null where there never was one. */
  readonly lastWorkerAt: Date | null;
  /** Events that intakes keep on their own disk because the database is slow or gone. */
  readonly spooled: number;
  /** Files of an intake's disk that were once safe and cannot be read any more. */
  readonly damaged: number;
}

export interface HurtFigures {
  /** Customers with an event that waits for longer than a minute, is parked, or failed within the window. */
  readonly customers: number;
  readonly events: number;
  /** When the oldest of these events came. */
  readonly since: Date | null;
}

/** Everything the sentence is made from. Instants are ours. */
export interface Figures {
  readonly lanes: readonly LaneFigures[];
  readonly failures: FailureFigures;
  readonly nodes: NodeFigures;
  readonly hurt: HurtFigures;
  readonly deadJobs: number;
  readonly lastAppliedAt: Date | null;
}

export interface State {
  readonly level: Level;
  readonly sentence: string;
  readonly since: Date | null;
}
