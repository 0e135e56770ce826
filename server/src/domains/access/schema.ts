import { sql } from "drizzle-orm";
import {
  boolean,
  customType,
  integer,
  pgSchema,
  pgTable,
  text,
  timestamp,
} from "drizzle-orm/pg-core";

import { ROLES } from "#platform/operation/roles.ts";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

/** better-auth's own tables; property names are its field names. */
const auth = pgSchema("auth");

export const authUsers = auth.table("users", {
  id: text().primaryKey(),
  name: text().notNull(),
  email: text().notNull(),
  emailVerified: boolean("email_verified").notNull().default(false),
  image: text(),
  createdAt: instant("created_at").notNull(),
  updatedAt: instant("updated_at").notNull(),
});
export const authSessions = auth.table("sessions", {
  id: text().primaryKey(),
  expiresAt: instant("expires_at").notNull(),
  token: text().notNull(),
  createdAt: instant("created_at").notNull(),
  updatedAt: instant("updated_at").notNull(),
  ipAddress: text("ip_address"),
  userAgent: text("user_agent"),
  userId: text("user_id").notNull(),
});
export const authAccounts = auth.table("accounts", {
  id: text().primaryKey(),
  accountId: text("account_id").notNull(),
  providerId: text("provider_id").notNull(),
  userId: text("user_id").notNull(),
  accessToken: text("access_token"),
  refreshToken: text("refresh_token"),
  idToken: text("id_token"),
  accessTokenExpiresAt: instant("access_token_expires_at"),
  refreshTokenExpiresAt: instant("refresh_token_expires_at"),
  scope: text(),
  password: text(),
  createdAt: instant("created_at").notNull(),
  updatedAt: instant("updated_at").notNull(),
});
export const authVerifications = auth.table("verifications", {
  id: text().primaryKey(),
  identifier: text().notNull(),
  value: text().notNull(),
  expiresAt: instant("expires_at").notNull(),
  createdAt: instant("created_at").notNull(),
  updatedAt: instant("updated_at").notNull(),
});
export const authThrottles = auth.table("throttles", {
  key: text().primaryKey(),
  failures: integer().notNull(),
  windowFrom: instant("window_from").notNull(),
});

export const staff = pgTable("staff", {
  id: text().primaryKey(),
  workspaceId: integer("workspace_id").notNull(),
  userId: text("user_id").notNull(),
  name: text().notNull(),
  email: text().notNull(),
  role: text({ enum: ROLES }).notNull(),
  createdAt: instant("created_at").notNull(),
  disabledAt: instant("disabled_at"),
});

export const apiTokens = pgTable("api_tokens", {
  id: text().primaryKey(),
  workspaceId: integer("workspace_id").notNull(),
  name: text().notNull(),
  prefix: text().notNull(),
  secretHash: bytea("secret_hash").notNull(),
  role: text({ enum: ROLES }).notNull(),
  scopes: text()
    .array()
    .notNull()
    .default(sql`'{}'`),
  source: text({ enum: ["created", "environment"] }).notNull(),
  createdAt: instant("created_at").notNull(),
  createdBy: text("created_by").notNull(),
  expiresAt: instant("expires_at"),
  lastUsedAt: instant("last_used_at"),
  revokedAt: instant("revoked_at"),
});
