import { defineProblem } from "#platform/problem.ts";

export const entryNotFound = defineProblem({
  code: "audit/entry-not-found",
  status: 404,
  title: "The audit log has no such line.",
});
