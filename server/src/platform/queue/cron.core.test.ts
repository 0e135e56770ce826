import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { lastDue, nextRun, parseCron } from "./cron.core.ts";

function next(cron: string, after: string): string | undefined {
  const parsed = parseCron(cron);
  return parsed === null ? "no cron" : nextRun(parsed, new Date(after))?.toISOString();
}

describe("the next run, in UTC", () => {
  test.each([
    ["* * * * *", "2026-11-21T09:30:00Z", "2026-11-21T09:31:00.000Z"],
    ["*/15 * * * *", "2026-11-21T09:31:10Z", "2026-11-21T09:45:00.000Z"],
    ["0 0 1 * *", "2026-11-21T09:31:00Z", "2026-12-01T00:00:00.000Z"],
    ["30 6 * * 1-5", "2026-11-20T07:00:00Z", "2026-11-23T06:30:00.000Z"],
    ["0 0 * * 7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00.000Z"],
    ["0 12 29 2 *", "2026-11-21T00:00:00Z", "2028-02-29T12:00:00.000Z"],
    // crontab(5): both day fields restricted means either.
    ["0 0 13 * 5", "2026-11-21T00:00:00Z", "2026-11-27T00:00:00.000Z"],
    ["59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00.000Z"],
  ])("%s after %s is %s", (cron, after, expected) => {
    expect(next(cron, after)).toBe(expected);
  });

  test("a day that never comes has none", () => {
    expect(next("0 0 31 2 *", "2026-11-21T00:00:00Z")).toBeUndefined();
  });

  test.each([
    "",
    "* * * *",
    "60 * * * *",
    "* 24 * * *",
    "5-1 * * * *",
    "*/0 * * * *",
    "@daily",
    "a * * * *",
  ])("%j is no cron", (text) => {
    expect(parseCron(text)).toBeNull();
  });
});

test("the last due minute before the next run is not after now, and nothing lies between", () => {
  const instants = fc.date({
    min: new Date("2020-01-01"),
    max: new Date("2030-01-01"),
    noInvalidDate: true,
  });
  const crons = fc.constantFrom(
    "*/7 * * * *",
    "0 3 * * *",
    "15 10 1 * *",
    "0 0 * * 0",
    "5 4 13 * 5",
  );
  fc.assert(
    fc.property(instants, crons, (now, text) => {
      const cron = parseCron(text);
      expect(cron).not.toBeNull();
      if (cron === null) {
        return;
      }
      const due = lastDue(cron, now);
      const following = nextRun(cron, now);
      expect(due?.getTime()).toBeLessThanOrEqual(now.getTime());
      expect(due === null ? null : nextRun(cron, due)).toEqual(following);
    }),
  );
});
