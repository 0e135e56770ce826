import { inboxReplay, inboxShow } from "purser/contract/inbox";
import { setQuota } from "purser/contract/quotas";
import { expect, test } from "vitest";

import { fieldWords, requestOf } from "./client.ts";
import { asCli } from "./commands.ts";

test("fields of the path leave the query and the body", () => {
  expect(requestOf(inboxShow, { id: "evt_1/2" })).toEqual({
    url: "/api/inbox/events/evt_1%2F2",
    body: undefined,
  });
  expect(requestOf(setQuota, { organizationId: "org_1", dimension: "sites", limit: 3 })).toEqual({
    url: "/api/organizations/org_1/quotas/sites/set",
    body: { limit: 3 },
  });
});

test("a line copied for the shell is safe to paste", () => {
  expect(asCli(inboxReplay, { ids: ["evt_1", "evt_2"], type: "invoice.*'; rm -rf" })).toBe(
    `purser inbox replay evt_1,evt_2 --type 'invoice.*'\\''; rm -rf'`,
  );
});

test("a flag that is true is written without its value", () => {
  expect(asCli(inboxReplay, { failed: true })).toBe("purser inbox replay --failed");
});

test("what a schema says of a field is told in plain words; what is not known is told as it came", () => {
  expect(
    [
      "Too small: expected string to have >=3 characters",
      "Too small: expected number to be >=0",
      "Invalid input: expected string, received undefined",
      "The tier is retired.",
    ].map(fieldWords),
  ).toEqual(["At least 3 characters.", "0 or more.", "This is needed.", "The tier is retired."]);
});
