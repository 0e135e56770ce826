import { expect, test } from "vitest";

import { isName, searchFilter, spanMs } from "./inbox-filters.ts";

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

test("a word that is no id and no type is somebody's name", () => {
  expect(["amber", "Amber Studio", "a@amber.example"].map(isName)).toEqual([true, true, true]);
  expect(["evt_1SVq7", "stripe:cus_1", "invoice.paid", "inv*"].map(isName)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
