import type { Pool } from "pg";

import { record } from "#domains/audit/commands.ts";
import { addMs, type Clock } from "#platform/clock.ts";
import type { Actor } from "#platform/context.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";
import { newId } from "#platform/ids.ts";

import { type Auth, findUser, makeUser } from "./auth.ts";
import { THROTTLE_WINDOW_MS } from "./permission.core.ts";
import {
  deleteOldSignIns,
  findDefaultWorkspace,
  findStaffByEmail,
  hasPlace,
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
 * then is the password the one given. Somebody with a place in another workspace is not made owner here.
 */
export async function ensureOwner(
  deps: FirstStartDeps,
  owner: { readonly email: string; readonly name: string; readonly password: string },
): Promise<{ readonly made: boolean }> {
  const made = await makeUser(deps.auth, owner);
  const userId = made ?? (await findUser(deps.auth, owner.email));
  if (userId === null) {
    throw new Error("A user who was there a moment ago is gone.");
  }
  // A start that was interrupted leaves a user without any place; that one is ours.
  const isOurs =
    made !== null || !(await inAllWorkspaces(deps.authPool, (tx) => hasPlace(tx, userId)));
  if (!isOurs) {
    return { made: false };
  }
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
  return { made: made !== null };
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
      await record(source, { action: "token.revoked", subject: { kind: "token", id } });
    }
    for (const { id } of made.rows) {
      await record(source, { action: "token.created", subject: { kind: "token", id } });
    }
  });
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
