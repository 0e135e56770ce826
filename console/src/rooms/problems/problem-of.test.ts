import { expect, test } from "vitest";

import { problemOf } from "./problem-of.ts";

test("the end of a problem's address is its code", () => {
  expect(problemOf("#inbox/empty-replay")).toEqual({
    code: "inbox/empty-replay",
    room: "inbox",
    name: "empty-replay",
  });
  expect(["", "#", "#inbox", "#<b>/x", "#a/b/c"].map(problemOf)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
});
