import { expect, test } from "vitest";

import { outcomeWords } from "./outcome.ts";

test.each([
  ["Replay 1 event.", "Replayed 1 event."],
  ["Set sites of org_1 to 5 (override)", "Set sites of org_1 to 5 (override)."],
  ["The pro plan is like that already", "The pro plan is like that already."],
])("%s is told afterwards as %s", (summary, words) => {
  expect(outcomeWords(summary, {})).toBe(words);
});

test("a secret that is shown once is shown with the outcome", () => {
  expect(outcomeWords("Create the support token ci", { secret: "pur_1" })).toBe(
    "Created the support token ci. The secret is shown only now: pur_1",
  );
});
