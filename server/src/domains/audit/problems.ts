import { defineProblem } from "#platform/problem.ts";

export const entryNotFound = defineProblem({
  code: "audit/entry-not-found",
  status: 404,
  title: "The audit log has no such line.",
});
export const sealKeyMissing = defineProblem({
  code: "audit/seal-key-missing",
  status: 503,
  title: "The key that the seals were signed with is not on this machine.",
});
