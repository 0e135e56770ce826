import { defineProblem } from "#platform/problem.ts";

export const keyReused = defineProblem({
  code: "quotas/idempotency-key-reused",
  status: 422,
  title: "This idempotency key belongs to another call.",
});

export const nothingToSet = defineProblem({
  code: "quotas/nothing-to-set",
  status: 422,
  title: "There is nothing to set.",
});

export const unlimitedByPlan = defineProblem({
  code: "quotas/unlimited-by-plan",
  status: 409,
  title: "Only a plan can be unlimited.",
});
