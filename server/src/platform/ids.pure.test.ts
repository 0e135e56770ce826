import { describe, expect, it } from "vitest";

import { addMs } from "#platform/clock.ts";
import { asId, newId } from "#platform/ids.ts";

const START = new Date("2026-11-21T00:00:00Z");

describe("ids", () => {
  it("sort by the moment of their creation, across years", () => {
    const steps = [0, 1, 31, 32, 1000, 86_400_000, 40 * 365 * 86_400_000];
    const ids = steps.map((ms) => newId("org", addMs(START, ms)));
    expect(ids.toSorted()).toEqual(ids);
  });

  it("do not repeat within one millisecond", () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => newId("evt", START)));
    expect(ids.size).toBe(10_000);
  });

  it("refuse another table's id", () => {
    expect(() => asId("sub", "org_1")).toThrow(TypeError);
  });
});
