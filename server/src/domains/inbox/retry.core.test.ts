import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { afterFailure, afterSuccess, CLOSED, mayTry } from "./breaker.core.ts";
import { backoffMs, LATER, MAX_ATTEMPTS, troubleOf, verdictOfFailure } from "./retry.core.ts";
import { nextBudget, refill, shareOut, type Triple } from "./shares.core.ts";
import { decodeAccepted, encodeAccepted } from "./spool-record.ts";

describe("backoff", () => {
  test("only grows, starts at a second, never exceeds an hour and a quarter", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, chance) => {
          const ms = backoffMs(failures, chance);
          expect(ms).toBeGreaterThanOrEqual(1_000);
          expect(ms).toBeLessThanOrEqual(4_500_000);
          expect(backoffMs(failures + 1, 0)).toBeGreaterThanOrEqual(backoffMs(failures, 0));
        },
      ),
    );
  });

  test("the last try leaves a reason behind and is the last", () => {
    expect(verdictOfFailure(MAX_ATTEMPTS - 1, "boom").code).toBe(LATER);
    expect(verdictOfFailure(MAX_ATTEMPTS, "boom")).toMatchObject({
      code: 5,
      reason: "Failed 12 times; the last: boom",
    });
  });

  test.each([
    [{ code: "40P01" }, "conflict"],
    [{ code: "40001" }, "conflict"],
    [{ code: "57P01" }, "unavailable"],
    [{ code: "08006" }, "unavailable"],
    [{ code: "53300" }, "unavailable"],
    [{ code: "25006" }, "unavailable"],
    [{ code: "ECONNREFUSED" }, "unavailable"],
    [new Error("Connection terminated unexpectedly"), "unavailable"],
    [{ code: "23505" }, "event"],
    [{ code: "22P02" }, "event"],
    [new TypeError("x is undefined"), "event"],
  ])("%o is the fault of: %s", (error, trouble) => {
    expect(troubleOf(error)).toBe(trouble);
  });
});

describe("sharing a batch out", () => {
  const place = fc.record({
    lane: fc.constantFrom(0 as const, 1 as const, 5 as const, 9 as const),
    provider: fc.constantFrom(1, 2),
    workspaceId: fc.integer({ min: 1, max: 200 }),
  });

  test("looks at everybody within a few turns, never above an allowance, and always at something", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(place, {
          minLength: 1,
          maxLength: 150,
          selector: (one) => JSON.stringify(one),
        }),
        fc.integer({ min: 10, max: 500 }),
        (places, total) => {
          const seen = new Set<Triple>();
          for (let turn = 0; turn < 4; turn += 1) {
            const windows = shareOut(places, total, () => 7, turn);
            expect(windows.length).toBeGreaterThan(0);
            for (const window of windows) {
              seen.add(window.triple);
              expect(window.take).toBeLessThanOrEqual(7);
              expect(window.share).toBeGreaterThanOrEqual(1);
            }
          }
          expect(seen.size).toBe(places.length);
        },
      ),
    );
  });

  test("bulk keeps its twentieth and money its half while all lanes are full", () => {
    const at = (lane: 0 | 1 | 5 | 9): Triple => ({ lane, provider: 1, workspaceId: 1 });
    const shares = shareOut([at(1), at(5), at(9)], 500, () => Number.POSITIVE_INFINITY, 0).map(
      (window) => window.share,
    );
    expect(shares).toEqual([278, 195, 28]);
  });

  test("what is closed is not looked at", () => {
    expect(shareOut([{ lane: 1, provider: 1, workspaceId: 1 }], 100, () => 0, 0)).toEqual([]);
  });

  test("a bucket gives its rate and no more than a second's worth at once", () => {
    const full = refill(undefined, 10, 0);
    expect(full.tokens).toBe(10);
    expect(refill({ tokens: 0, atMs: 0 }, 10, 500).tokens).toBe(5);
    expect(refill({ tokens: 0, atMs: 0 }, 10, 60_000).tokens).toBe(10);
    expect(refill({ tokens: 0, atMs: 0 }, 0.5, 60_000).tokens).toBe(1);
  });

  test("trouble halves a batch, health brings it back", () => {
    let budget = 500;
    budget = nextBudget(budget, "bad", 500);
    expect(budget).toBe(250);
    for (let batch = 0; batch < 20; batch += 1) {
      budget = nextBudget(budget, "good", 500);
    }
    expect(budget).toBe(500);
    expect(nextBudget(3, "bad", 500)).toBe(10);
  });
});

describe("the breaker", () => {
  test("opens at once, is tried again ever more rarely up to five seconds, and closes at the first success", () => {
    let breaker = afterFailure(CLOSED, 0);
    expect(mayTry(breaker, 249)).toBe(false);
    expect(mayTry(breaker, 250)).toBe(true);
    for (let failures = 0; failures < 20; failures += 1) {
      breaker = afterFailure(breaker, 0);
    }
    expect(mayTry(breaker, 4_999)).toBe(false);
    expect(mayTry(breaker, 5_000)).toBe(true);
    expect(mayTry(afterSuccess(), 0)).toBe(true);
  });
});

describe("a spooled event", () => {
  test("comes back as it went, whatever is in it", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.uint8Array(),
        fc.option(fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })),
        (id, key, body, occurredAt) => {
          const event = {
            workspaceId: 7,
            endpointId: 3,
            provider: "stripe" as const,
            secretNo: 1,
            externalId: id,
            eventType: "x",
            okey: key,
            lane: 5 as const,
            occurredAt,
            receivedAt: new Date(1_700_000_000_000),
            apiVersion: null,
            fingerprint: Buffer.alloc(16, 7),
            body: Buffer.from(body),
            dead: null,
          };
          expect(decodeAccepted(encodeAccepted(event))).toEqual(event);
        },
      ),
    );
  });
});
