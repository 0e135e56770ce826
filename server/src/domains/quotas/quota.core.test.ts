import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { DIMENSIONS, type Dimension } from "#domains/billing/model.ts";

import type { QuotaRow } from "./model.ts";
import {
  type UsageCall,
  divide,
  monthStart,
  quotaKey,
  rateLimitHeaders,
  refusalSentence,
  stateOf,
  step,
} from "./quota.core.ts";

const NOW = new Date("2026-11-21T09:30:00Z");

function row(over: Partial<QuotaRow> = {}): QuotaRow {
  return {
    workspaceId: 1,
    organizationId: "org_a",
    dimension: "api_calls",
    currentUsage: 0,
    quotaLimit: 100,
    unlimited: false,
    limitSource: "plan",
    overrideBy: null,
    overrideAt: null,
    lastResetAt: monthStart(NOW),
    tier: "starter",
    locked: false,
    ...over,
  };
}

const instants = fc.date({
  min: new Date("2020-01-01T00:00:00Z"),
  max: new Date("2035-12-31T23:59:59Z"),
  noInvalidDate: true,
});

describe("the month", () => {
  it.each([
    ["2026-01-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"],
    ["2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
    ["2028-02-29T12:00:00.000Z", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
    ["2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"],
  ])("of %s begins at %s and ends at %s", (at, start, end) => {
    const instant = new Date(at);
    expect(monthStart(instant).toISOString()).toBe(start);
    expect(monthStart(instant, 1).toISOString()).toBe(end);
  });

  it("has no gaps and no overlaps: the end of each is the beginning of the next", () => {
    fc.assert(
      fc.property(instants, (at) => {
        const next = monthStart(at, 1);
        expect(monthStart(next)).toEqual(next);
        expect(monthStart(new Date(next.getTime() - 1))).toEqual(monthStart(at));
      }),
    );
  });
});

describe("usage", () => {
  it("of an ended month no longer counts for api_calls, and always counts for things", () => {
    const lastReset = new Date("2026-10-31T23:59:59.999Z");
    const calls = row({ currentUsage: 90, lastResetAt: lastReset });
    expect(stateOf(calls, NOW)).toMatchObject({ used: 0, remaining: 100 });
    const sites = row({ currentUsage: 90, lastResetAt: lastReset, dimension: "sites" });
    expect(stateOf(sites, NOW)).toMatchObject({ used: 90, remaining: 10, resetsAt: null });
  });

  it("begins at the first call of a month with that call, and marks the reset", () => {
    const { next } = step(row({ currentUsage: 90, lastResetAt: new Date(0) }), 3, NOW);
    expect(next).toMatchObject({ currentUsage: 3, lastResetAt: NOW });
  });

  it("never falls below nought by a release", () => {
    const { next } = step(row({ currentUsage: 2, dimension: "sites" }), -5, NOW);
    expect(next?.currentUsage).toBe(0);
  });

  it("under no limit still refuses what could not be counted exactly", () => {
    const free = row({ unlimited: true, quotaLimit: null, currentUsage: Number.MAX_SAFE_INTEGER });
    expect(step(free, 1, NOW).next).toBeNull();
  });
});

describe("a refusal", () => {
  it.each([
    [
      { currentUsage: 100 },
      1,
      "limit_reached",
      "All 100 API calls of the starter plan are in use.",
    ],
    [
      { currentUsage: 99 },
      5,
      "limit_reached",
      "Only 1 of 100 API calls of the starter plan are left.",
    ],
    [
      { dimension: "sites", currentUsage: 8, quotaLimit: 3 },
      1,
      "over_limit",
      "8 sites exist and the starter plan allows 3: they stay readable, none can be added.",
    ],
    [
      {
        dimension: "users",
        currentUsage: 4,
        quotaLimit: 4,
        limitSource: "override",
        overrideBy: "purser_operator",
      },
      1,
      "limit_reached",
      "All 4 users of this organization's own limit (set by purser_operator) are in use.",
    ],
    [
      { locked: true },
      1,
      "organization_locked",
      "The organization is locked: what exists stays, nothing can be added.",
    ],
  ] as const)("of %j and %i more names %s", (over, amount, rule, sentence) => {
    const { answer, next } = step(row(over), amount, NOW);
    expect(next).toBeNull();
    expect(answer.rule).toBe(rule);
    expect(refusalSentence(rule, answer.row, answer.state)).toBe(sentence);
  });

  it("does not stop giving back: a locked or overfull organization may release", () => {
    const full = row({ dimension: "sites", currentUsage: 8, quotaLimit: 3, locked: true });
    expect(step(full, -1, NOW).next?.currentUsage).toBe(7);
  });
});

const calls = fc.array(
  fc.record({
    workspaceId: fc.constant(1),
    organizationId: fc.constantFrom("org_a", "org_b"),
    dimension: fc.constantFrom<Dimension>("sites", "api_calls"),
    amount: fc.integer({ min: -3, max: 9 }).filter((amount) => amount !== 0),
    key: fc.option(fc.constantFrom("k1", "k2", "k3"), { freq: 2 }),
  }),
  { maxLength: 60 },
);
const rowsOf = fc
  .array(fc.record({ used: fc.nat(60), limit: fc.nat(60), fresh: fc.boolean() }), {
    minLength: 4,
    maxLength: 4,
  })
  .map((made) =>
    made.map(({ used, limit, fresh }, index) =>
      row({
        organizationId: index < 2 ? "org_a" : "org_b",
        dimension: index % 2 === 0 ? "sites" : "api_calls",
        currentUsage: used,
        quotaLimit: limit,
        lastResetAt: fresh ? monthStart(NOW) : new Date(0),
      }),
    ),
  );

describe("a flush", () => {
  it("answers as if each call had come alone, in the order of arrival", () => {
    fc.assert(
      fc.property(calls, rowsOf, (waiting, rows) => {
        const start = new Map(rows.map((each) => [quotaKey(each), each]));
        const together = divide(waiting, start, new Map(), NOW);
        let state = start;
        let ledger = new Map();
        const alone = waiting.map((call: UsageCall) => {
          const one = divide([call], state, ledger, NOW);
          state = new Map([...state, ...one.writes.map((each) => [quotaKey(each), each] as const)]);
          ledger = new Map([
            ...ledger,
            ...one.ledger.map(
              (each) =>
                [
                  `${quotaKey(each.call)}/${each.key}`,
                  { key: each.key, amount: each.call.amount, usedAfter: each.usedAfter },
                ] as const,
            ),
          ]);
          return one.outcomes[0];
        });
        expect(together.outcomes).toEqual(alone);
        for (const written of together.writes) {
          expect(state.get(quotaKey(written))).toEqual(written);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("at a limit of N grants exactly N calls of one, however many wait", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(300), (limit, waiting) => {
        const one: UsageCall = {
          workspaceId: 1,
          organizationId: "org_a",
          dimension: "api_calls",
          amount: 1,
          key: null,
        };
        const start = row({ quotaLimit: limit });
        const { outcomes, writes } = divide(
          Array.from({ length: waiting }, () => one),
          new Map([[quotaKey(start), start]]),
          new Map(),
          NOW,
        );
        const granted = outcomes.filter(
          (each) => each.kind === "answered" && each.answer.rule === null,
        ).length;
        expect(granted).toBe(Math.min(limit, waiting));
        expect(writes[0]?.currentUsage ?? 0).toBe(granted);
      }),
    );
  });

  it("counts a retried key once and refuses the key for another amount", () => {
    const start = row();
    const call: UsageCall = {
      workspaceId: 1,
      organizationId: "org_a",
      dimension: "api_calls",
      amount: 7,
      key: "k",
    };
    const { outcomes, writes } = divide(
      [call, call, { ...call, amount: 8 }],
      new Map([[quotaKey(start), start]]),
      new Map(),
      NOW,
    );
    expect(writes[0]?.currentUsage).toBe(7);
    expect(
      outcomes.map((each) => (each.kind === "answered" ? each.answer.replayed : each.kind)),
    ).toEqual([false, true, "key_reused"]);
  });

  it("says so where there is no such organization", () => {
    const call: UsageCall = {
      workspaceId: 1,
      organizationId: "org_x",
      dimension: "sites",
      amount: 1,
      key: null,
    };
    expect(divide([call], new Map(), new Map(), NOW).outcomes).toEqual([
      { kind: "unknown_organization" },
    ]);
  });
});

describe("header fields", () => {
  it("carry quota, window, what is left and the seconds to the reset", () => {
    const at = row({ currentUsage: 40 });
    expect(rateLimitHeaders(at, stateOf(at, NOW), NOW)).toEqual({
      "RateLimit-Policy": '"api_calls";q=100;w=2592000',
      RateLimit: '"api_calls";r=60;t=829800',
    });
  });

  it.each(DIMENSIONS)("are left out where %s is unlimited", (dimension) => {
    const at = row({ dimension, unlimited: true, quotaLimit: null });
    expect(rateLimitHeaders(at, stateOf(at, NOW), NOW)).toEqual({});
  });
});
