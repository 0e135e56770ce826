import type { Role } from "#platform/operation/roles.ts";

/** A user's place in one workspace, with what a request needs of the workspace. */
export interface Membership {
  readonly staffId: string;
  readonly name: string;
  readonly role: Role;
  readonly workspaceId: number;
  readonly publicId: string;
  readonly slug: string;
}

/** A token that is not revoked; it may have expired. */
export interface TokenIdentity {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly workspaceId: number;
  readonly publicId: string;
  readonly slug: string;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}
