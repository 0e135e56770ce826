import { defineProblem } from "#platform/problem.ts";

export const unknownJob = defineProblem({
  code: "jobs/unknown-job",
  status: 404,
  title: "There is no such job on the schedule.",
});
export const notDead = defineProblem({
  code: "jobs/not-dead",
  status: 404,
  title: "No job that was given up has this id.",
});
