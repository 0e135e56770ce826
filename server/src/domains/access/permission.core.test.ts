import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ROLES } from "#platform/operation/roles.ts";

import {
  isSameSite,
  mayGrant,
  retryAfterSeconds,
  scopeCovers,
  staysWithin,
} from "./permission.core.ts";

const OURS = ["https://purser.example"];
const NOW = new Date("2026-11-21T09:00:00Z");

describe("another site's write", () => {
  test.each([
    ["our own origin", "POST", "https://purser.example", undefined, true],
    ["another origin", "POST", "https://evil.example", "same-origin", false],
    ["an opaque origin", "POST", "null", undefined, false],
    ["a sibling of our host", "POST", "https://purser.example.evil.example", undefined, false],
    ["no origin, same-origin fetch", "DELETE", undefined, "same-origin", true],
    ["no origin, same-site fetch", "POST", undefined, "same-site", false],
    ["nothing at all", "POST", undefined, undefined, false],
    ["a read from anywhere", "GET", "https://evil.example", "cross-site", true],
  ])("%s", (_, method, origin, fetchSite, allowed) => {
    expect(isSameSite({ method, origin, fetchSite }, OURS)).toBe(allowed);
  });
});

test("nobody grants more power than their own", () => {
  for (const giver of ROLES) {
    for (const given of ROLES) {
      expect(mayGrant(giver, given)).toBe(ROLES.indexOf(giver) <= ROLES.indexOf(given));
    }
  }
  expect(mayGrant("admin", "owner")).toBe(false);
});

test.each([
  [[], "inbox.list", true],
  [["inbox.*"], "inbox.list", true],
  [["inbox.list"], "inbox.list", true],
  [["inbox.list"], "inbox.replay", false],
  [["in.*"], "inbox.list", false],
  [["tokens.*", "inbox.show"], "inbox.list", false],
])("scopes %j cover %s: %s", (scopes, operation, covered) => {
  expect(scopeCovers(scopes, operation)).toBe(covered);
});

describe("what a token makes", () => {
  const limits = fc.record({
    scopes: fc.uniqueArray(fc.constantFrom("inbox.*", "inbox.list", "tokens.create", "staff.*")),
    expiresAt: fc.option(fc.integer({ min: 1, max: 5 }).map((day) => new Date(day * 86_400_000))),
  });

  test("may call nothing that its maker may not, and ends no later", () => {
    fc.assert(
      fc.property(limits, limits, (maker, made) => {
        fc.pre(staysWithin(maker, made));
        for (const name of ["inbox.list", "inbox.replay", "tokens.create", "staff.add"]) {
          expect(scopeCovers(made.scopes, name) && !scopeCovers(maker.scopes, name)).toBe(false);
        }
        const endless = Number.POSITIVE_INFINITY;
        expect(made.expiresAt?.getTime() ?? endless).toBeLessThanOrEqual(
          maker.expiresAt?.getTime() ?? endless,
        );
      }),
    );
  });
});

describe("throttle", () => {
  const at = (kind: "pair" | "account" | "address", failures: number, minutesAgo: number) => ({
    kind,
    failures,
    windowFrom: new Date(NOW.getTime() - minutesAgo * 60_000),
  });

  test.each([
    ["nothing yet", [], null],
    ["the fifth try of a pair", [at("pair", 5, 1)], null],
    ["the sixth try of a pair", [at("pair", 6, 5)], 600],
    ["a window that is over", [at("pair", 500, 15)], null],
    ["strangers cannot lock an owner out with a few tries", [at("account", 50, 1)], null],
    ["the longest wait counts", [at("pair", 6, 14), at("address", 31, 5)], 600],
  ])("%s", (_, counts, seconds) => {
    expect(retryAfterSeconds(counts, NOW)).toBe(seconds);
  });
});
