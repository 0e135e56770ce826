import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  customType,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
} from "drizzle-orm/pg-core";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
const int8multirange = customType<{ data: string }>({ dataType: () => "int8multirange" });
const pgSnapshot = customType<{ data: string }>({ dataType: () => "pg_snapshot" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

export const auditEntries = pgTable("audit_entries", {
  id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
  workspaceId: integer("workspace_id").notNull(),
  at: instant("at").notNull(),
  recordedAt: instant("recorded_at").notNull(),
  actorKind: text("actor_kind", {
    enum: ["staff", "token", "provider", "system", "operator"],
  }).notNull(),
  actorId: text("actor_id").notNull(),
  actorName: text("actor_name").notNull(),
  action: text().notNull(),
  subjectKind: text("subject_kind"),
  subjectId: text("subject_id"),
  organizationId: text("organization_id"),
  detail: jsonb()
    .$type<Record<string, unknown>>()
    .notNull()
    .default(sql`'{}'`),
  requestId: text("request_id"),
  ticket: text(),
  payloadHash: bytea("payload_hash").notNull(),
  xid: xid8().notNull(),
});

export const auditSeals = pgTable("audit_seals", {
  workspaceId: integer("workspace_id").notNull(),
  n: integer().notNull(),
  sealedAt: instant("sealed_at").notNull(),
  entryIds: int8multirange("entry_ids").notNull(),
  segmentIds: int8multirange("segment_ids").notNull(),
  leaves: bytea().notNull(),
  root: bytea().notNull(),
  previous: bytea().notNull(),
  hash: bytea().notNull(),
  keyId: text("key_id").notNull(),
  signature: bytea().notNull(),
});

export const auditSealer = pgTable("audit_sealer", {
  onlyOne: boolean("only_one").primaryKey().default(true),
  snapshot: pgSnapshot().notNull(),
  floorId: bigint("floor_id", { mode: "number" }).notNull().default(0),
  segmentFloorId: bigint("segment_floor_id", { mode: "number" }).notNull().default(0),
  passedAt: instant("passed_at"),
});
