import type { Pool } from "pg";

import { record } from "#domains/audit/commands.ts";
import { addMs, type Clock } from "#platform/clock.ts";
import type { Actor } from "#platform/context.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";
import { asId, newId } from "#platform/ids.ts";
import type { ReactionTable } from "#platform/queue/outbox.ts";
import { openOutbox } from "#platform/queue/outbox.ts";

import { type Auth, ensureUser } from "./auth.ts";
import { passwordResetRequested } from "./events.ts";
import { THROTTLE_WINDOW_MS } from "./permission.core.ts";
import {
  deleteOldSignIns,
  findDefaultWorkspace,
  findMemberships,
  findStaffByEmail,
  inAllWorkspaces,
  insertStaff,
} from "./store.ts";
import { hashOfSecret, prefixOf } from "./tokens.ts";

export interface FirstStartDeps {
  readonly auth: Auth;
  readonly authPool: Pool;
  readonly appPool: Pool;
  readonly clock: Clock;
}

const FIRST_START: Actor = { kind: "system", job: "first-start" };

async function inDefaultWorkspace<T>(
  deps: Pick<FirstStartDeps, "appPool" | "authPool">,
  work: (tx: Tx, workspaceId: number) => Promise<T>,
): Promise<T> {
  const workspace = await inAllWorkspaces(deps.authPool, findDefaultWorkspace);
  if (workspace === null) {
    throw new Error("There is no default workspace yet; seed it before its owner.");
  }
  return inTx(deps.appPool, [workspace.id], (tx) => work(tx, workspace.id));
}

/**
 * Makes the owner of the default workspace where nobody has this address. Returns whether it did: only
 * then is the password the one given.
 */
export async function ensureOwner(
  deps: FirstStartDeps,
  owner: { readonly email: string; readonly name: string; readonly password: string },
): Promise<{ readonly made: boolean }> {
  const { userId, made } = await ensureUser(deps.auth, owner);
  const now = deps.clock.now();
  await inDefaultWorkspace(deps, async (tx, workspaceId) => {
    const email = owner.email.toLowerCase();
    if ((await findStaffByEmail(tx, workspaceId, email)) !== null) {
      return;
    }
    const id = newId("stf", now);
    const row = { id, workspaceId, userId, name: owner.name, email, role: "owner" as const };
    const member = await insertStaff(tx, { ...row, createdAt: now });
    if (member !== null) {
      await record(
        {
          tx,
          now,
          actor: FIRST_START,
          workspace: { id: workspaceId },
          requestId: null,
          ticket: null,
        },
        { action: "staff.added", subject: { kind: "staff", id }, detail: { role: "owner" } },
      );
    }
  });
  return { made };
}

/** Makes `secret` (PURSER_ADMIN_TOKEN) an owner's token of the default workspace, and ends the one it replaces. */
export async function ensureAdminToken(
  deps: Pick<FirstStartDeps, "appPool" | "authPool" | "clock">,
  secret: string,
): Promise<void> {
  const now = deps.clock.now();
  const hash = hashOfSecret(secret);
  await inDefaultWorkspace(deps, async (tx, workspaceId) => {
    const revoked = await tx.client.query<{ id: string }>(
      `update api_tokens set revoked_at = $1
        where workspace_id = $2 and source = 'environment' and secret_hash <> $3 and revoked_at is null returning id`,
      [now, workspaceId, hash],
    );
    const made = await tx.client.query<{ id: string }>(
      `insert into api_tokens (id, workspace_id, name, prefix, secret_hash, role, source, created_at, created_by)
       values ($1, $2, 'Administrator', $3, $4, 'owner', 'environment', $5, 'first-start')
       on conflict (secret_hash) do update set revoked_at = null where api_tokens.revoked_at is not null
         and api_tokens.source = 'environment' returning id`,
      [newId("tok", now), workspaceId, prefixOf(secret), hash, now],
    );
    const source = {
      tx,
      now,
      actor: FIRST_START,
      workspace: { id: workspaceId },
      requestId: null,
      ticket: null,
    };
    for (const { id } of revoked.rows) {
      // oxlint-disable-next-line no-await-in-loop -- one connection
      await record(source, { action: "token.revoked", subject: { kind: "token", id } });
    }
    for (const { id } of made.rows) {
      // oxlint-disable-next-line no-await-in-loop -- one connection
      await record(source, { action: "token.created", subject: { kind: "token", id } });
    }
  });
}

/** better-auth's `sendReset`: announces the link to whoever sends mail, and writes down that it was asked for. */
export function announceReset(deps: {
  readonly appPool: Pool;
  readonly authPool: Pool;
  readonly clock: Clock;
  readonly reactions: ReactionTable;
}): (reset: { userId: string; email: string; url: string }) => Promise<void> {
  return async ({ userId, email, url }) => {
    const members = await inAllWorkspaces(deps.authPool, (tx) => findMemberships(tx, userId));
    const [member] = members;
    if (member === undefined) {
      return;
    }
    const { workspaceId, staffId } = member;
    await inTx(deps.appPool, [workspaceId], async (tx) => {
      await record(
        {
          tx,
          now: deps.clock.now(),
          actor: { kind: "system", job: "sign-in" },
          workspace: { id: workspaceId },
          requestId: null,
          ticket: null,
        },
        {
          action: "auth.password_reset_requested",
          subject: { kind: "staff", id: asId("stf", staffId) },
        },
      );
      await openOutbox(tx, { reactions: deps.reactions, workspaceId }).announce(
        passwordResetRequested,
        { staffId, email, url },
        { workspaceId },
      );
    });
  };
}

export interface CleaningDeps {
  /** Connections of the role purser_auth. */
  readonly authPool: Pool;
  readonly clock: Clock;
}

/** Deletes what sign-in no longer needs; returns how many rows. */
export async function forgetOldSignIns(deps: CleaningDeps): Promise<number> {
  const now = deps.clock.now();
  return deleteOldSignIns(deps.authPool, now, addMs(now, -THROTTLE_WINDOW_MS));
}
