import type { Pool } from "pg";

import { record } from "#domains/audit/commands.ts";
import { addMs, type Clock } from "#platform/clock.ts";
import type { Actor, WorkspaceRef } from "#platform/context.ts";
import { inTx } from "#platform/db/tx.ts";
import type { Operation } from "#platform/operation/operation.ts";
import type { Role } from "#platform/operation/roles.ts";
import { Problem, forbidden } from "#platform/problem.ts";

import type { Auth } from "./auth.ts";
import type { Membership, TokenIdentity } from "./model.ts";
import { isSameSite, scopeCovers } from "./permission.core.ts";
import { crossSite, outOfScope } from "./problems.ts";
import { findMemberships, findToken, inAllWorkspaces, touchToken } from "./store.ts";
import { bearerOf, hashOfSecret } from "./tokens.ts";

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

export interface IdentifyDeps {
  readonly auth: Auth;
  /** Connections of the role purser_auth. */
  readonly authPool: Pool;
  /** As well, and for bearer tokens alone: whoever floods the sign-in must not keep programs waiting. */
  readonly tokenPool: Pool;
  /** Connections of the role purser_app, for the log. */
  readonly appPool: Pool;
  readonly clock: Clock;
  /** Origins of our own pages. */
  readonly origins: readonly string[];
  readonly onError: (error: unknown) => void;
}

/** A revoked token works on for this long at most; the promise is a second. */
const CACHE_MS = 500;
const CACHE_MOST = 10_000;
/** How exactly `last_used_at` is kept; a line in the log goes with each first use of a day. */
const TOUCH_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

interface Cached {
  readonly token: TokenIdentity | null;
  readonly untilMs: number;
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function tokenIdentity(token: TokenIdentity): Identity {
  const { id, name, role, scopes, workspaceId, publicId, slug } = token;
  return {
    actor: { kind: "token", id, name, role },
    role,
    workspace: { id: workspaceId, publicId, slug },
    scopes,
  };
}

function memberIdentity(member: Membership): Identity {
  const { staffId, name, role, workspaceId, publicId, slug } = member;
  return {
    actor: { kind: "staff", id: staffId, name, role },
    role,
    workspace: { id: workspaceId, publicId, slug },
    scopes: [],
  };
}

/** Marks the use of a token, at most once a minute; the first use of a day is a line in the log. */
async function noteUse(deps: IdentifyDeps, token: TokenIdentity, now: Date): Promise<void> {
  const moved = await inAllWorkspaces(deps.tokenPool, (tx) =>
    touchToken(tx, token.id, now, addMs(now, -TOUCH_MS)),
  );
  const lastDay =
    token.lastUsedAt === null ? null : Math.floor(token.lastUsedAt.getTime() / DAY_MS);
  if (moved && lastDay !== Math.floor(now.getTime() / DAY_MS)) {
    await inTx(deps.appPool, [token.workspaceId], (tx) =>
      record(
        {
          tx,
          now,
          actor: { kind: "token", id: token.id, name: token.name, role: token.role },
          workspace: { id: token.workspaceId },
          requestId: null,
          ticket: null,
        },
        { action: "token.used", subject: { kind: "token", id: token.id } },
      ),
    );
  }
}

function tokenLookup(deps: IdentifyDeps): (secret: string) => Promise<TokenIdentity | null> {
  const cache = new Map<string, Cached>();
  return async (secret) => {
    const hash = hashOfSecret(secret);
    const key = hash.toString("base64");
    const nowMs = deps.clock.monotonicMs();
    const cached = cache.get(key);
    if (cached !== undefined && cached.untilMs > nowMs) {
      return cached.token;
    }
    const token = await inAllWorkspaces(deps.tokenPool, (tx) => findToken(tx, hash));
    if (cache.size >= CACHE_MOST) {
      cache.clear(); // a flood of guesses, not of customers
    }
    cache.set(key, { token, untilMs: nowMs + CACHE_MS });
    return token;
  };
}

async function byToken(
  deps: IdentifyDeps,
  lookUp: (secret: string) => Promise<TokenIdentity | null>,
  secret: string,
): Promise<Identity | null> {
  const token = await lookUp(secret);
  const now = deps.clock.now();
  if (token === null || (token.expiresAt !== null && token.expiresAt <= now)) {
    return null;
  }
  if (token.lastUsedAt === null || token.lastUsedAt < addMs(now, -TOUCH_MS)) {
    // Not waited for: a read must not fail because its mark could not be written.
    noteUse(deps, token, now).catch(deps.onError);
  }
  return tokenIdentity(token);
}

/** The place that a header asks for by slug or id; the first where it asks for none. */
export function memberOf(
  members: readonly Membership[],
  wanted: string | undefined,
): Membership | undefined {
  return wanted === undefined
    ? members[0]
    : members.find((each) => each.slug === wanted || each.publicId === wanted);
}

/**
 * The member behind a session's cookie; null without one.
 *
 * @throws Problem access/cross-site where the cookie came along with another site's write
 */
export async function bySession(
  deps: IdentifyDeps,
  request: RequestFacts,
): Promise<Identity | null> {
  const cookie = one(request.headers["cookie"]);
  if (cookie === undefined || !cookie.includes("purser.session_token=")) {
    return null;
  }
  const session = await deps.auth.api.getSession({
    headers: new Headers({ cookie }),
    query: { disableCookieCache: true, disableRefresh: true },
  });
  if (session === null) {
    return null;
  }
  const facts = {
    method: request.method,
    origin: one(request.headers["origin"]),
    fetchSite: one(request.headers["sec-fetch-site"]),
  };
  if (!isSameSite(facts, deps.origins)) {
    throw new Problem(crossSite, "Open Purser's own page and try again.");
  }
  const members = await inAllWorkspaces(deps.authPool, (tx) =>
    findMemberships(tx, session.user.id),
  );
  const member = memberOf(members, one(request.headers["purser-workspace"]));
  return member === undefined ? null : memberIdentity(member);
}

/**
 * Who sends this request: a bearer token, or the session of a cookie. Null for a stranger, for a token
 * that was revoked or has expired and for a member without access. Roles are read with every request.
 *
 * @throws Problem access/cross-site where a cookie came along with another site's write
 */
export function createAuthenticate(
  deps: IdentifyDeps,
): (request: RequestFacts) => Promise<Identity | null> {
  const lookUp = tokenLookup(deps);
  return async (request) => {
    if (request.headers["authorization"] !== undefined) {
      // Whoever sends a token means it: a bad one is not silently replaced by a cookie.
      const secret = bearerOf(request.headers["authorization"]);
      return secret === null ? null : byToken(deps, lookUp, secret);
    }
    return bySession(deps, request);
  };
}

/** @throws Problem platform/forbidden or access/out-of-scope */
export function requirePermission(
  identity: Pick<Identity, "role" | "scopes">,
  operation: Pick<Operation, "name" | "roles">,
): void {
  if (!operation.roles.includes(identity.role)) {
    throw new Problem(
      forbidden,
      `${operation.name} needs one of: ${operation.roles.join(", ")}. You are ${identity.role}.`,
    );
  }
  if (!scopeCovers(identity.scopes, operation.name)) {
    throw new Problem(outOfScope, `Its scopes are: ${identity.scopes.join(", ")}.`);
  }
}
