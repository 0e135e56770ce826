import type { Dimension } from "#domains/billing/model.ts";

/** Counted per calendar month in UTC, so a new month begins at nought; the other dimensions are things that exist until they are released. */
export const PERIODIC: readonly Dimension[] = ["api_calls"];

export function isPeriodic(dimension: Dimension): boolean {
  return PERIODIC.includes(dimension);
}

/** Which rule said no. */
export const RULES = ["limit_reached", "over_limit", "organization_locked"] as const;
export type Rule = (typeof RULES)[number];

/** Where a limit comes from: the plan of the tier, or a person who set another one for as long as the tier stays. */
export const LIMIT_SOURCES = ["plan", "override"] as const;
export type LimitSource = (typeof LIMIT_SOURCES)[number];

/** One row of `usage_quotas` with what the organization adds to the decision. `quotaLimit` is null exactly where the plan is unlimited. */
export interface QuotaRow {
  readonly workspaceId: number;
  readonly organizationId: string;
  readonly dimension: Dimension;
  readonly currentUsage: number;
  readonly quotaLimit: number | null;
  readonly unlimited: boolean;
  readonly limitSource: LimitSource;
  readonly overrideBy: string | null;
  readonly overrideAt: Date | null;
  readonly lastResetAt: Date;
  readonly tier: string;
  readonly locked: boolean;
}

/** The quota as it stands at one instant: usage of an ended period no longer counts. */
export interface QuotaState {
  readonly used: number;
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly resetsAt: Date | null;
  readonly overLimit: boolean;
}
