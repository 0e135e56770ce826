import type { Actor, WorkspaceRef } from "#platform/context.ts";
import type { Role } from "#platform/operation/roles.ts";

/** Who sent the request, and in which workspace they act. */
export interface Identity {
  readonly actor: Extract<Actor, { kind: "staff" | "token" }>;
  readonly role: Role;
  readonly workspace: WorkspaceRef;
  /** Operations that a token is limited to; empty: all of its role. */
  readonly scopes: readonly string[];
}
