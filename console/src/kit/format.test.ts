import fc from "fast-check";
import { expect, test } from "vitest";

import { formatDuration, formatMoney, formatRelative, formatTime, shortenId } from "./format.ts";

test("money is shown with the decimals of its own currency", () => {
  expect(formatMoney(120_450, "usd")).toBe("$1,204.50");
  expect(formatMoney(5000, "jpy")).toBe("¥5,000");
  expect(formatMoney(1234, "kwd")).toMatch(/1\.234$/u);
  expect(formatMoney(-990, "EUR")).toBe("-€9.90");
});

test("a currency that the browser does not know is shown in minor units and not hidden", () => {
  expect(formatMoney(100, "?!")).toBe("100 ?! (minor units)");
});

test.each([
  [0, "just now"],
  [-1_000, "now"],
  [45_000, "45 s ago"],
  [14 * 60_000, "14 min ago"],
  [26 * 3_600_000, "26 h ago"],
  [50 * 3_600_000, "2 days ago"],
  [-90_000, "in 1 min"],
])("%d ms before now reads %s", (ms, words) => {
  const now = Date.UTC(2026, 10, 21, 9);
  expect(formatRelative(now - ms, now)).toBe(words);
});

test("the older of two moments never reads younger, at any age", () => {
  const now = Date.UTC(2026, 10, 21, 9, 0, 43);
  const unitMs = { s: 1_000, min: 60_000, h: 3_600_000, days: 86_400_000 };
  const read = (ageMs: number) => {
    const words = /^(\d+) (s|min|h|days) ago$/u.exec(formatRelative(now - ageMs, now));
    const [, count, unit] = words ?? [];
    return unit === "s" || unit === "min" || unit === "h" || unit === "days"
      ? Number(count) * unitMs[unit]
      : Number.NaN;
  };
  expect([59, 60, 68, 74, 107].map((s) => formatRelative(now - s * 1000, now))).toEqual([
    "59 s ago",
    "1 min ago",
    "1 min ago",
    "1 min ago",
    "1 min ago",
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 2_000, max: 10 * unitMs.days }), (ageMs) => {
      const shown = read(ageMs);
      expect(shown).toBeLessThanOrEqual(ageMs);
      expect(read(ageMs + 500)).toBeGreaterThanOrEqual(shown);
    }),
  );
});

test("with UTC on, a time is in UTC and says so", () => {
  expect(formatTime(Date.UTC(2026, 10, 20, 14, 2, 11), "absolute", true)).toBe(
    "20 Nov 2026, 14:02:11 UTC",
  );
});

test("a long id keeps its prefix and its end, a short one stays whole", () => {
  expect(shortenId("evt_1SVq7039595LkdIwHu7ix")).toBe("evt_1SVq7…Hu7ix");
  expect(shortenId("sub_1SVq7")).toBe("sub_1SVq7");
});

test("lengths of time use their largest unit", () => {
  expect([38, 5_000, 120_000, 7_200_000].map(formatDuration)).toEqual([
    "38 ms",
    "5 s",
    "2 min",
    "2 h",
  ]);
});
