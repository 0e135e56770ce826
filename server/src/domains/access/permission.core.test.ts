import { describe, expect, test } from "vitest";

import { ROLES } from "#platform/operation/roles.ts";

import { isSameSite, mayGrant, retryAfterSeconds, scopeCovers } from "./permission.core.ts";

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

describe("throttle", () => {
  const at = (kind: "pair" | "account" | "address", failures: number, minutesAgo: number) => ({
    kind,
    failures,
    windowFrom: new Date(NOW.getTime() - minutesAgo * 60_000),
  });

  test.each([
    ["nothing yet", [], null],
    ["four failures of a pair", [at("pair", 4, 1)], null],
    ["five failures of a pair", [at("pair", 5, 5)], 600],
    ["a window that is over", [at("pair", 500, 15)], null],
    ["strangers cannot lock an owner out with a few tries", [at("account", 49, 1)], null],
    ["the longest wait counts", [at("pair", 5, 14), at("address", 30, 5)], 600],
  ])("%s", (_, counts, seconds) => {
    expect(retryAfterSeconds(counts, NOW)).toBe(seconds);
  });
});
