import type { Pool } from "pg";

import type { Actor, Ctx } from "#platform/context.ts";
import { newId } from "#platform/ids.ts";
import { type BoundOperation, command, query, saga } from "#platform/operation/bound.ts";
import type { Role } from "#platform/operation/roles.ts";
import { forbidden, Problem } from "#platform/problem.ts";

import { type Auth, endSessions, findUser, makeUser, removeUser } from "./auth.ts";
import {
  sessionShowOperation,
  staffAddOperation,
  staffChangeOperation,
  staffListOperation,
  tokensCreateOperation,
  tokensListOperation,
  tokensRevokeOperation,
} from "./contract.ts";
import { type Limits, mayGrant, staysWithin } from "./permission.core.ts";
import {
  addressTaken,
  alreadyStaff,
  lastOwner,
  morePower,
  staffNotFound,
  tokenExpiryPast,
  tokenNotFound,
} from "./problems.ts";
import {
  findMemberships,
  findStaff,
  findStaffByEmail,
  findTokenById,
  findWorkspaceName,
  inAllWorkspaces,
  insertStaff,
  insertToken,
  listStaff,
  listTokens,
  lockActiveOwners,
  revokeToken,
  type StaffRow,
  type TokenRow,
  updateStaff,
} from "./store.ts";
import { hashOfSecret, newSecret, prefixOf } from "./tokens.ts";

type Person = Extract<Actor, { kind: "staff" | "token" }>;

function personOf(ctx: Ctx): Person {
  const { actor } = ctx;
  if (actor.kind !== "staff" && actor.kind !== "token") {
    throw new Problem(forbidden, "Only people and their tokens may do this.");
  }
  return actor;
}

function memberView(row: StaffRow) {
  const { id, name, email, role, createdAt, disabledAt } = row;
  return {
    id,
    name,
    email,
    role,
    createdAt: createdAt.toISOString(),
    disabledAt: disabledAt?.toISOString() ?? null,
  };
}

function tokenView(row: TokenRow) {
  const { id, name, prefix, role, scopes } = row;
  return {
    id,
    name,
    prefix,
    role,
    scopes,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}

function pageOfRows<Row extends { readonly id: string }, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): { items: View[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  return {
    items: page.map(view),
    nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
}

function requireNoMorePower(ctx: Ctx, given: Role): void {
  const { role } = personOf(ctx);
  if (!mayGrant(role, given)) {
    throw new Problem(morePower, `You are ${role}; ${given} is more.`);
  }
}

/** A person has neither scopes nor an end. */
const UNLIMITED: Limits = { scopes: [], expiresAt: null };

/** What a token makes can do no more, and lives no longer, than the token itself. */
async function requireWithinLimits(ctx: Ctx, made: Limits): Promise<void> {
  const actor = personOf(ctx);
  if (actor.kind !== "token") {
    return;
  }
  const token = await findTokenById(ctx.tx, ctx.workspace.id, actor.id);
  if (token === null || token.revokedAt !== null) {
    throw new Problem(forbidden, "This token has ended.");
  }
  if (!staysWithin(token, made)) {
    const scopes = token.scopes.length === 0 ? "all" : token.scopes.join(", ");
    const end = token.expiresAt?.toISOString() ?? "none";
    throw new Problem(morePower, `Your token's scopes: ${scopes}; its end: ${end}.`);
  }
}

async function requireStaff(ctx: Ctx, id: string): Promise<StaffRow> {
  const row = await findStaff(ctx.tx, ctx.workspace.id, id);
  if (row === null) {
    throw new Problem(staffNotFound);
  }
  return row;
}

const showSession = query(sessionShowOperation, async (ctx) => {
  const { kind, id, name, role } = personOf(ctx);
  return {
    actor: { kind, id, name, role },
    workspace: {
      id: ctx.workspace.publicId,
      slug: ctx.workspace.slug,
      name: await findWorkspaceName(ctx.tx, ctx.workspace.id),
    },
  };
});

function addStaff(auth: Auth): BoundOperation {
  return saga(staffAddOperation, {
    decide: (ctx, input) => addStaffPlan(auth, ctx, input),
    execute: async (run, input, check) => {
      await run(async (ctx) => {
        check(await addStaffPlan(auth, ctx, input));
      });
      // In the schema of sign-in, so outside the transaction; without the row below it opens nothing.
      const userId = await makeUser(auth, input);
      if (userId === null) {
        throw new Problem(addressTaken, TAKEN);
      }
      try {
        return await run((ctx) => insertMember(ctx, { ...input, userId }));
      } catch (error) {
        await removeUser(auth, userId);
        throw error;
      }
    },
  });
}

const TAKEN =
  "It opens another workspace, and nobody sets a password for somebody who has one. Until people can be invited, add them with another address.";

interface NewMember {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

async function insertMember(ctx: Ctx, person: NewMember & { readonly userId: string }) {
  const member = await insertStaff(ctx.tx, {
    id: newId("stf", ctx.now),
    workspaceId: ctx.workspace.id,
    userId: person.userId,
    name: person.name,
    email: person.email.toLowerCase(),
    role: person.role,
    createdAt: ctx.now,
  });
  if (member === null) {
    throw new Problem(alreadyStaff, "Change their role instead.");
  }
  await ctx.audit({
    action: "staff.added",
    subject: { kind: "staff", id: member.id },
    detail: { role: member.role },
  });
  return memberView(member);
}

async function addStaffPlan(auth: Auth, ctx: Ctx, input: NewMember) {
  requireNoMorePower(ctx, input.role);
  await requireWithinLimits(ctx, UNLIMITED);
  if ((await findStaffByEmail(ctx.tx, ctx.workspace.id, input.email)) !== null) {
    throw new Problem(alreadyStaff, "Change their role, or give back their access, instead.");
  }
  if ((await findUser(auth, input.email)) !== null) {
    throw new Problem(addressTaken, TAKEN);
  }
  const after = { email: input.email.toLowerCase(), role: input.role };
  return {
    preview: {
      summary: `Give ${input.name} access as ${input.role}`,
      changes: [{ table: "staff", id: "new", before: null, after }],
    },
    decision: null,
  };
}

async function changeStaffPlan(
  ctx: Ctx,
  input: {
    readonly id: string;
    readonly role?: Role | undefined;
    readonly disabled?: boolean | undefined;
  },
) {
  const owners = await lockActiveOwners(ctx.tx, ctx.workspace.id);
  const before = await requireStaff(ctx, input.id);
  const role = input.role ?? before.role;
  const disabled = input.disabled ?? before.disabledAt !== null;
  requireNoMorePower(ctx, role);
  if (!disabled) {
    await requireWithinLimits(ctx, UNLIMITED);
  }
  const stays = role === "owner" && !disabled;
  if (!stays && owners.length === 1 && owners[0] === before.id) {
    throw new Problem(lastOwner, "Make somebody else an owner first.");
  }
  const disabledAt = disabled ? (before.disabledAt ?? ctx.now) : null;
  return {
    preview: {
      summary: disabled ? `End the access of ${before.name}` : `Make ${before.name} ${role}`,
      changes: [
        {
          table: "staff",
          id: before.id,
          before: { role: before.role, disabled: before.disabledAt !== null },
          after: { role, disabled },
        },
      ],
    },
    decision: { before, role, disabledAt },
  };
}

function changeStaff({ auth, authPool }: AccessDeps): BoundOperation {
  return command(staffChangeOperation, {
    decide: changeStaffPlan,
    apply: async (ctx, _input, { before, role, disabledAt }) => {
      await updateStaff(ctx.tx, before.id, { role, disabledAt });
      if (disabledAt !== null) {
        const places = await inAllWorkspaces(authPool, (tx) => findMemberships(tx, before.userId));
        // Elsewhere they stay signed in; here every request asks for the place that is gone.
        if (places.every((place) => place.workspaceId === ctx.workspace.id)) {
          await endSessions(auth, before.userId);
        }
      }
      await ctx.audit({
        action: disabledAt === null ? "staff.changed" : "staff.disabled",
        subject: { kind: "staff", id: before.id },
        detail: {
          role: [before.role, role],
          disabled: [before.disabledAt !== null, disabledAt !== null],
        },
      });
      return memberView({ ...before, role, disabledAt });
    },
  });
}

const createToken = command(tokensCreateOperation, {
  decide: async (ctx, input) => {
    requireNoMorePower(ctx, input.role);
    const expiresAt = input.expiresAt === undefined ? null : new Date(input.expiresAt);
    if (expiresAt !== null && expiresAt <= ctx.now) {
      throw new Problem(tokenExpiryPast);
    }
    await requireWithinLimits(ctx, { scopes: input.scopes, expiresAt });
    const after = {
      name: input.name,
      role: input.role,
      scopes: input.scopes,
      expiresAt: expiresAt?.toISOString() ?? null,
    };
    return {
      preview: {
        summary: `Create the ${input.role} token ${input.name}`,
        changes: [{ table: "api_tokens", id: "new", before: null, after }],
      },
      decision: { expiresAt },
    };
  },
  apply: async (ctx, input, { expiresAt }) => {
    const secret = newSecret();
    const token = await insertToken(ctx.tx, {
      id: newId("tok", ctx.now),
      workspaceId: ctx.workspace.id,
      name: input.name,
      prefix: prefixOf(secret),
      secretHash: hashOfSecret(secret),
      role: input.role,
      scopes: input.scopes,
      source: "created",
      createdAt: ctx.now,
      createdBy: personOf(ctx).id,
      expiresAt,
    });
    await ctx.audit({
      action: "token.created",
      subject: { kind: "token", id: token.id },
      detail: { role: token.role, scopes: token.scopes },
    });
    return { token: tokenView(token), secret };
  },
});

const revoke = command(tokensRevokeOperation, {
  decide: async (ctx, input) => {
    const token = await findTokenById(ctx.tx, ctx.workspace.id, input.id);
    if (token === null) {
      throw new Problem(tokenNotFound);
    }
    requireNoMorePower(ctx, token.role);
    const before = { revoked: token.revokedAt !== null };
    return {
      preview: {
        summary: `Revoke the token ${token.name} (${token.prefix}...)`,
        changes: [{ table: "api_tokens", id: token.id, before, after: { revoked: true } }],
      },
      decision: token,
    };
  },
  apply: async (ctx, _input, token) => {
    await revokeToken(ctx.tx, token.id, ctx.now);
    if (token.revokedAt === null) {
      await ctx.audit({ action: "token.revoked", subject: { kind: "token", id: token.id } });
    }
    return tokenView({ ...token, revokedAt: token.revokedAt ?? ctx.now });
  },
});

export interface AccessDeps {
  readonly auth: Auth;
  /** Connections of the role purser_auth. */
  readonly authPool: Pool;
}

export function accessOperations(deps: AccessDeps): readonly BoundOperation[] {
  return [
    showSession,
    query(staffListOperation, async (ctx, input) =>
      pageOfRows(await listStaff(ctx.tx, ctx.workspace.id, input), input.limit, memberView),
    ),
    addStaff(deps.auth),
    changeStaff(deps),
    query(tokensListOperation, async (ctx, input) =>
      pageOfRows(await listTokens(ctx.tx, ctx.workspace.id, input), input.limit, tokenView),
    ),
    createToken,
    revoke,
  ];
}
