import { bigint, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

export const jobSchedules = pgTable("job_schedules", {
  name: text().primaryKey(),
  title: text().notNull(),
  cron: text().notNull(),
  dueAt: instant("due_at").notNull(),
});

export const jobRuns = pgTable("job_runs", {
  id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
  workspaceId: integer("workspace_id"),
  job: text().notNull(),
  jobId: uuid("job_id").notNull(),
  attempt: integer().notNull(),
  startedAt: instant("started_at").notNull(),
  endedAt: instant("ended_at"),
  outcome: text({
    enum: ["running", "done", "snoozed", "discarded", "failed", "dead", "lost"],
  }).notNull(),
  note: text(),
});
