import type { Actor, WorkspaceRef } from "#platform/context.ts";
import type { Role } from "#platform/operation/roles.ts";

/** Who sent a request, in which workspace they act, and how far. */
export interface Identity {
  readonly actor: Extract<Actor, { kind: "staff" | "token" }>;
  readonly role: Role;
  readonly workspace: WorkspaceRef;
  /** Operations that a token is limited to; empty: all of its role. */
  readonly scopes: readonly string[];
}

/** As much of an HTTP request as identity needs. */
export interface RequestFacts {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}
