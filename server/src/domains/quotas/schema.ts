import {
  bigint,
  boolean,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from "drizzle-orm/pg-core";

const instantColumn = (name: string) => timestamp(name, { withTimezone: true });
const count = (name: string) => bigint(name, { mode: "number" });

export const usageQuotas = pgTable(
  "usage_quotas",
  {
    workspaceId: integer("workspace_id").notNull(),
    organizationId: text("organization_id").notNull(),
    dimension: text("dimension").notNull(),
    currentUsage: count("current_usage").notNull().default(0),
    quotaLimit: count("quota_limit"),
    lastResetAt: instantColumn("last_reset_at").notNull().defaultNow(),
    unlimited: boolean("unlimited").notNull().default(false),
    limitSource: text("limit_source").notNull().default("plan"),
    limitRevision: count("limit_revision").notNull().default(0),
    overrideAt: instantColumn("override_at"),
    overrideBy: text("override_by"),
    createdAt: instantColumn("created_at").notNull().defaultNow(),
    updatedAt: instantColumn("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.dimension] })],
);

export const usageRequests = pgTable(
  "usage_requests",
  {
    workspaceId: integer("workspace_id").notNull(),
    organizationId: text("organization_id").notNull(),
    dimension: text("dimension").notNull(),
    requestKey: text("request_key").notNull(),
    amount: count("amount").notNull(),
    usedAfter: count("used_after").notNull(),
    createdAt: instantColumn("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.dimension, table.requestKey] })],
);
