import type { Dimension } from "#domains/billing/model.ts";

import { type QuotaRow, type QuotaState, type Rule, isPeriodic } from "./model.ts";

/** Usage is counted in doubles on the way; above this a sum would be rounded in silence. */
const MOST = Number.MAX_SAFE_INTEGER;

/** First instant of the calendar month in UTC that holds `now`; `months` later or earlier on request. */
export function monthStart(now: Date, months = 0): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
}

/**
 * The quota as it stands at `now`. Usage of an ended month no longer counts, whether or not the reset
 * job has been here: the reset is derived from `lastResetAt`, so running it twice, late or half-way
 * cannot lose or double anything.
 */
export function stateOf(row: QuotaRow, now: Date): QuotaState {
  const periodic = isPeriodic(row.dimension);
  const ended = periodic && row.lastResetAt.getTime() < monthStart(now).getTime();
  const used = ended ? 0 : row.currentUsage;
  const limit = row.unlimited ? null : row.quotaLimit;
  return {
    used,
    limit,
    remaining: limit === null ? null : Math.max(0, limit - used),
    resetsAt: periodic ? monthStart(now, 1) : null,
    overLimit: limit !== null && used > limit,
  };
}

/** Whether the amount may be added, and the rule that refuses it. */
export function refusalOf(row: QuotaRow, state: QuotaState, amount: number): Rule | null {
  if (row.locked) {
    return "organization_locked";
  }
  if (state.overLimit && !isPeriodic(row.dimension)) {
    return "over_limit";
  }
  return state.used + amount > (state.limit ?? MOST) ? "limit_reached" : null;
}

const THINGS: Readonly<Record<Dimension, string>> = {
  sites: "sites",
  posts: "posts",
  users: "users",
  storage_bytes: "bytes of storage",
  api_calls: "API calls",
};

/** "All 3 sites of the starter plan are in use." */
export function refusalSentence(rule: Rule, row: QuotaRow, state: QuotaState): string {
  const things = THINGS[row.dimension];
  const whose =
    row.limitSource === "plan"
      ? `the ${row.tier} plan`
      : `this organization's own limit (set by ${row.overrideBy ?? "hand"})`;
  switch (rule) {
    case "organization_locked":
      return "The organization is locked: what exists stays, nothing can be added.";
    case "over_limit":
      return `${state.used} ${things} exist and ${whose} allows ${state.limit ?? 0}: they stay readable, none can be added.`;
    case "limit_reached":
      return state.remaining === 0
        ? `All ${state.limit ?? 0} ${things} of ${whose} are in use.`
        : `Only ${state.remaining ?? 0} of ${state.limit ?? 0} ${things} of ${whose} are left.`;
  }
}

/** A call that waits for the next flush. `amount` is negative for a release; `key` makes a retry count once. */
export interface UsageCall {
  readonly workspaceId: number;
  readonly organizationId: string;
  readonly dimension: Dimension;
  readonly amount: number;
  readonly key: string | null;
}

/** What happened to one call, with the figures as they were right after it. */
export interface UsageAnswer {
  readonly row: QuotaRow;
  readonly state: QuotaState;
  readonly amount: number;
  readonly rule: Rule | null;
  readonly replayed: boolean;
}

export type UsageOutcome =
  | { readonly kind: "answered"; readonly answer: UsageAnswer }
  /** The same key came with another amount. */
  | { readonly kind: "key_reused" }
  | { readonly kind: "unknown_organization" };

export interface LedgerEntry {
  readonly key: string;
  readonly amount: number;
  readonly usedAfter: number;
}

/** What one flush writes. */
export interface Division {
  readonly outcomes: readonly UsageOutcome[];
  readonly writes: readonly QuotaRow[];
  readonly ledger: readonly {
    readonly call: UsageCall;
    readonly key: string;
    readonly usedAfter: number;
  }[];
}

export function quotaKey(
  of: Pick<UsageCall, "workspaceId" | "organizationId" | "dimension">,
): string {
  return `${of.workspaceId}/${of.organizationId}/${of.dimension}`;
}

export function requestKey(call: UsageCall, key: string): string {
  return `${quotaKey(call)}/${key}`;
}

/**
 * Divides what the locked rows have left among the waiting calls, in the order of their arrival:
 * exactly what would happen if each came alone, one after the other.
 *
 * @param rows the locked rows by `quotaKey`; a call without its row gets `unknown_organization`
 * @param seen keyed calls that were counted before, by `requestKey`
 */
export function divide(
  calls: readonly UsageCall[],
  rows: ReadonlyMap<string, QuotaRow>,
  seen: ReadonlyMap<string, LedgerEntry>,
  now: Date,
): Division {
  const current = new Map(rows);
  const counted = new Map(seen);
  const touched = new Set<string>();
  const ledger: { call: UsageCall; key: string; usedAfter: number }[] = [];
  const outcomes = calls.map((call): UsageOutcome => {
    const at = quotaKey(call);
    const row = current.get(at);
    if (row === undefined) {
      return { kind: "unknown_organization" };
    }
    const before = call.key === null ? undefined : counted.get(requestKey(call, call.key));
    if (before !== undefined) {
      return replayOf(call, before, row, now);
    }
    const { answer, next } = step(row, call.amount, now);
    if (next !== null) {
      current.set(at, next);
      touched.add(at);
      if (call.key !== null) {
        const usedAfter = next.currentUsage;
        counted.set(requestKey(call, call.key), { key: call.key, amount: call.amount, usedAfter });
        ledger.push({ call, key: call.key, usedAfter });
      }
    }
    return { kind: "answered", answer };
  });
  const writes = [...touched].flatMap((at) => current.get(at) ?? []);
  return { outcomes, writes, ledger };
}

function replayOf(call: UsageCall, before: LedgerEntry, row: QuotaRow, now: Date): UsageOutcome {
  if (before.amount !== call.amount) {
    return { kind: "key_reused" };
  }
  const answer = { row, state: stateOf(row, now), amount: call.amount, rule: null, replayed: true };
  return { kind: "answered", answer };
}

/** One call against one row. `next` is null where nothing changes. */
export function step(
  row: QuotaRow,
  amount: number,
  now: Date,
): { readonly answer: UsageAnswer; readonly next: QuotaRow | null } {
  const state = stateOf(row, now);
  const rule = amount < 0 ? null : refusalOf(row, state, amount);
  if (rule !== null) {
    return { answer: { row, state, amount, rule, replayed: false }, next: null };
  }
  const ended = isPeriodic(row.dimension) && row.lastResetAt.getTime() < monthStart(now).getTime();
  const next = {
    ...row,
    currentUsage: Math.max(0, state.used + amount),
    lastResetAt: ended ? now : row.lastResetAt,
  };
  return {
    answer: { row: next, state: stateOf(next, now), amount, rule: null, replayed: false },
    next,
  };
}

/** Header fields of draft-ietf-httpapi-ratelimit-headers-10: policy (quota, window) and state (remaining, seconds to the reset). */
export function rateLimitHeaders(
  row: QuotaRow,
  state: QuotaState,
  now: Date,
): Readonly<Record<string, string>> {
  if (state.limit === null || state.remaining === null) {
    return {};
  }
  const policy = `"${row.dimension}";q=${state.limit}`;
  const left = `"${row.dimension}";r=${state.remaining}`;
  if (state.resetsAt === null) {
    return { "RateLimit-Policy": policy, RateLimit: left };
  }
  const end = state.resetsAt.getTime();
  const windowSeconds = (end - monthStart(now).getTime()) / 1000;
  const secondsLeft = Math.ceil((end - now.getTime()) / 1000);
  return {
    "RateLimit-Policy": `${policy};w=${windowSeconds}`,
    RateLimit: `${left};t=${secondsLeft}`,
  };
}
