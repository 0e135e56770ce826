import { expect, test } from "vitest";

import { replayOf } from "./replay-of.ts";

const ROWS = [{ id: "7" }, { id: "5" }];

test("filters that a replay knows become its own", () => {
  const filters = { type: "invoice.*", since: "2026-11-21T09:00:00.000Z" };
  expect(replayOf(filters, ROWS, true).known).toEqual(filters);
});

test("a filter that a replay does not know never widens it: the events are named one by one", () => {
  const replay = replayOf({ type: "invoice.*", state: "dead" }, ROWS, true);
  expect(replay.known).toEqual({ ids: ["7", "5"] });
  expect(replay.note).toContain("More fit");
  expect(replayOf({ lane: "1" }, ROWS, false).note).toBe(
    "Filled in with the 2 events that the list shows by its filters.",
  );
});

test("without filters nothing is taken for granted", () => {
  expect(replayOf({}, ROWS, false).known).toEqual({});
});
