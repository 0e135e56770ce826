import { expect, test } from "vitest";

import { searchFilter, spanMs } from "./inbox-filters.ts";

test.each([
  ["evt_1SVq7", { externalId: "evt_1SVq7" }],
  ["cus_T300kQ2m", { key: "cus_T300kQ2m" }],
  ["stripe:cus_T300kQ2m", { key: "stripe:cus_T300kQ2m" }],
  ["invoice.*", { type: "invoice.*" }],
  ["invoice.pa", { type: "invoice.pa*" }],
  ["payment_intent.succeeded", { type: "payment_intent.succeeded*" }],
  ["charge", { type: "charge*" }],
])("%s is searched as %o", (typed, filter) => {
  expect(searchFilter(typed)).toEqual(filter);
});

test("a span of the address is a length of time, an instant is not", () => {
  expect(spanMs("6h")).toBe(21_600_000);
  expect(spanMs("2026-11-20T00:00:00Z")).toBeNull();
});
