import { expect, test } from "vitest";

import { reverseOf } from "./undo.ts";

const preview = (operation: string, before: Record<string, unknown> | null) => ({
  operation,
  summary: "",
  changes: [{ table: "t", id: "1", before, after: {} }],
  rows: 1,
  money: [],
  calls: [],
  messages: [],
  warnings: [],
  hash: "",
});

test("a valve goes back to where it stood", () => {
  const before = { maxConcurrency: null, ratePerS: 50, paused: false };
  expect(
    reverseOf(preview("inbox.controls.set", before), { provider: "stripe", lane: 5, paused: true }),
  ).toEqual({ provider: "stripe", lane: 5, maxConcurrency: null, ratePerS: 50, paused: false });
});

test("a quota goes back to the plan, or to the limit that was set before", () => {
  const input = { organizationId: "org_1", dimension: "sites", limit: 7 };
  expect(reverseOf(preview("quotas.set", { limit_source: "plan" }), input)).toEqual({
    organizationId: "org_1",
    dimension: "sites",
    usePlan: true,
  });
  expect(
    reverseOf(preview("quotas.set", { limit_source: "override", quota_limit: 5 }), input),
  ).toMatchObject({ limit: 5 });
});

test("no undo where a second run would not truly reverse the first", () => {
  expect(reverseOf(preview("subscriptions.cancel", { status: "active" }), {})).toBeNull();
  expect(reverseOf(preview("quotas.set", { current_usage: 3 }), { usage: 0 })).toBeNull();
  expect(reverseOf(preview("inbox.controls.set", null), {})).toBeNull();
});
