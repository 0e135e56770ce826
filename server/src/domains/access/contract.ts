import { z } from "zod";

import { defineOperation, instant, pageInput, pageOf } from "#platform/operation/operation.ts";
import { ADMINS, READERS, ROLES, type Role } from "#platform/operation/roles.ts";

const OWNERS: readonly Role[] = ["owner"];
const role = z.enum(ROLES);

export const sessionShowOperation = defineOperation({
  name: "session.show",
  title: "Show who I am",
  summary: "The person or token behind this request, its role, and its workspace.",
  method: "GET",
  path: "/session",
  input: z.object({}),
  output: z.object({
    actor: z.object({ kind: z.enum(["staff", "token"]), id: z.string(), name: z.string(), role }),
    workspace: z.object({ id: z.string(), slug: z.string(), name: z.string() }),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "session show" },
});

const staffMember = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  role,
  createdAt: instant,
  /** Null for a member who can sign in. */
  disabledAt: instant.nullable(),
});

export const staffListOperation = defineOperation({
  name: "staff.list",
  title: "List the staff",
  summary: "Everybody who can sign in to this workspace, with their role.",
  method: "GET",
  path: "/staff",
  input: z.object({ ...pageInput }),
  output: pageOf(staffMember),
  risk: "read",
  roles: ["owner", "admin", "auditor"],
  cli: {
    words: "staff list",
    table: { rows: "items", columns: ["name", "email", "role", "createdAt", "disabledAt"] },
  },
});

export const staffAddOperation = defineOperation({
  name: "staff.add",
  title: "Add a member of staff",
  summary:
    "Makes a sign-in with the role given. Hand the password over by a safe way; it can be changed after the first sign-in.",
  method: "POST",
  path: "/staff",
  input: z.object({
    email: z.email().max(200),
    name: z.string().min(1).max(200),
    role,
    password: z.string().min(12).max(128).describe("At least 12 characters"),
  }),
  output: staffMember,
  risk: "dangerous",
  roles: OWNERS,
  cli: { words: "staff add", args: ["email"] },
});

export const staffChangeOperation = defineOperation({
  name: "staff.change",
  title: "Change a member's role, or end their access",
  summary:
    "Takes effect with the member's next request. Ending access signs them out, of this workspace only where they work in others too.",
  method: "PATCH",
  path: "/staff/{id}",
  input: z.object({
    id: z.string().max(60),
    role: role.optional().describe("The new role"),
    disabled: z.boolean().optional().describe("true ends the access, false gives it back"),
  }),
  output: staffMember,
  risk: "dangerous",
  roles: OWNERS,
  cli: { words: "staff change", args: ["id"] },
});

const apiToken = z.object({
  id: z.string(),
  name: z.string(),
  /** The first characters of the secret, so that a leaked one can be told apart. */
  prefix: z.string(),
  role,
  /** Names of the only operations it may call (`inbox.*` covers a room); empty means all that its role allows. */
  scopes: z.array(z.string()),
  createdAt: instant,
  expiresAt: instant.nullable(),
  /** Within a minute. */
  lastUsedAt: instant.nullable(),
  revokedAt: instant.nullable(),
});

export const tokensListOperation = defineOperation({
  name: "tokens.list",
  title: "List the API tokens",
  summary: "Every token of this workspace, revoked ones included. Secrets are never shown again.",
  method: "GET",
  path: "/tokens",
  input: z.object({ ...pageInput }),
  output: pageOf(apiToken),
  risk: "read",
  roles: ["owner", "admin", "auditor"],
  cli: {
    words: "tokens list",
    table: {
      rows: "items",
      columns: ["id", "name", "prefix", "role", "lastUsedAt", "expiresAt", "revokedAt"],
    },
  },
});

export const tokensCreateOperation = defineOperation({
  name: "tokens.create",
  title: "Create an API token",
  summary:
    "The secret is in the answer, once. A token never has more power than its maker, and one made by a token stays within its scopes and its time.",
  method: "POST",
  path: "/tokens",
  input: z.object({
    name: z.string().min(1).max(100),
    role,
    scopes: z
      .array(z.string().regex(/^[a-z_]+\.(\*|[a-z_]+)$/u))
      .max(50)
      .default([])
      .describe("Operations it may call, such as inbox.list or inbox.*"),
    expiresAt: instant.optional().describe("When it stops working"),
  }),
  output: z.object({ token: apiToken, secret: z.string() }),
  risk: "dangerous",
  roles: ADMINS,
  cli: { words: "tokens create", args: ["name"] },
});

export const tokensRevokeOperation = defineOperation({
  name: "tokens.revoke",
  title: "Revoke an API token",
  summary: "The token stops working within a second, on every node, for good.",
  method: "POST",
  path: "/tokens/{id}/revoke",
  input: z.object({ id: z.string().max(60) }),
  output: apiToken,
  risk: "dangerous",
  roles: ADMINS,
  cli: { words: "tokens revoke", args: ["id"] },
});
