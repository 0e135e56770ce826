import { createHash } from "node:crypto";

import { z } from "zod";

import { record } from "#domains/audit/commands.ts";
import { addMs } from "#platform/clock.ts";
import { inTx } from "#platform/db/tx.ts";
import { Problem, unavailable } from "#platform/problem.ts";

import { endSessions } from "./auth.ts";
import type { IdentifyDeps } from "./identify.ts";
import type { Membership } from "./model.ts";
import { retryAfterSeconds, THROTTLE_WINDOW_MS, type ThrottleKind } from "./permission.core.ts";
import { tooManyAttempts, wrongCredentials } from "./problems.ts";
import {
  countFailure,
  findDefaultWorkspace,
  findMemberships,
  forgetFailures,
  inAllWorkspaces,
  readThrottles,
} from "./store.ts";

function throttleKeys(email: string, address: string): ReadonlyMap<string, ThrottleKind> {
  const account = createHash("sha256").update(email).digest("hex").slice(0, 32);
  return new Map<string, ThrottleKind>([
    [`pair:${account}:${address}`, "pair"],
    [`account:${account}`, "account"],
    [`address:${address}`, "address"],
  ]);
}

async function refuseThrottled(
  deps: IdentifyDeps,
  keys: ReadonlyMap<string, ThrottleKind>,
): Promise<void> {
  const counts = await readThrottles(deps.authPool, [...keys.keys()]);
  const seconds = retryAfterSeconds(
    counts.map(({ key, failures, windowFrom }) => ({
      kind: keys.get(key) ?? "account",
      failures,
      windowFrom,
    })),
    deps.clock.now(),
  );
  if (seconds !== null) {
    throw new Problem(tooManyAttempts, `Try again in ${seconds} seconds.`, {
      retryAfterSeconds: seconds,
    });
  }
}

/** One try to sign in, as far as it matters to throttle and log. */
export interface SignInAttempt {
  /** As typed; compared in lower case. */
  readonly email: string;
  readonly address: string;
  readonly requestId: string;
}

/**
 * Lets better-auth judge a sign-in between throttle and log. The right password of somebody without
 * access is a failure like any other.
 *
 * @param judge asks better-auth
 * @throws Problem access/wrong-credentials, access/too-many-attempts, platform/unavailable
 */
export async function signIn(
  deps: IdentifyDeps,
  attempt: SignInAttempt,
  judge: () => Promise<Response>,
): Promise<Response> {
  const email = attempt.email.trim().toLowerCase();
  const keys = throttleKeys(email, attempt.address);
  await refuseThrottled(deps, keys);
  const response = await judge();
  if (response.status >= 500) {
    throw new Problem(unavailable, "Sign-in does not work at the moment; try again shortly.");
  }
  const user = response.ok ? userOf(await response.clone().json()) : null;
  const members = user === null ? [] : await membershipsOf(deps, user);
  const now = deps.clock.now();
  if (user === null || members.length === 0) {
    if (user !== null) {
      await endSessions(deps.auth, user);
    }
    await countFailure(deps.authPool, [...keys.keys()], {
      now,
      since: addMs(now, -THROTTLE_WINDOW_MS),
    });
    await recordFailure(deps, attempt, email);
    throw new Problem(wrongCredentials);
  }
  await forgetFailures(
    deps.authPool,
    [...keys].filter(([, kind]) => kind !== "address").map(([key]) => key),
  );
  await recordFor(deps, attempt, members, "staff.signed_in");
  return response;
}

const signedIn = z.object({ user: z.object({ id: z.string() }) });

function userOf(body: unknown): string | null {
  const parsed = signedIn.safeParse(body);
  return parsed.success ? parsed.data.user.id : null;
}

async function membershipsOf(deps: IdentifyDeps, userId: string): Promise<readonly Membership[]> {
  return inAllWorkspaces(deps.authPool, (tx) => findMemberships(tx, userId));
}

async function recordFor(
  deps: IdentifyDeps,
  attempt: SignInAttempt,
  members: readonly Membership[],
  action: string,
): Promise<void> {
  const now = deps.clock.now();
  for (const member of members) {
    // oxlint-disable-next-line no-await-in-loop -- hardly ever more than one
    await inTx(deps.appPool, [member.workspaceId], (tx) =>
      record(
        {
          tx,
          now,
          actor: { kind: "staff", id: member.staffId, name: member.name, role: member.role },
          workspace: { id: member.workspaceId },
          requestId: attempt.requestId,
          ticket: null,
        },
        {
          action,
          subject: { kind: "staff", id: member.staffId },
          detail: { address: attempt.address },
        },
      ),
    );
  }
}

/** A failure names the member it was aimed at; of an address that nobody has not even a part is kept. */
async function recordFailure(
  deps: IdentifyDeps,
  attempt: SignInAttempt,
  email: string,
): Promise<void> {
  const context = await deps.auth.$context;
  const found = await context.internalAdapter.findUserByEmail(email);
  const members = found === null ? [] : await membershipsOf(deps, found.user.id);
  if (members.length > 0) {
    await recordFor(deps, attempt, members, "staff.sign_in_failed");
    return;
  }
  const workspace = await inAllWorkspaces(deps.authPool, findDefaultWorkspace);
  if (workspace === null) {
    return;
  }
  await inTx(deps.appPool, [workspace.id], (tx) =>
    record(
      {
        tx,
        now: deps.clock.now(),
        actor: { kind: "system", job: "sign-in" },
        workspace: { id: workspace.id },
        requestId: attempt.requestId,
        ticket: null,
      },
      {
        action: "staff.sign_in_failed",
        subject: null,
        detail: { account: "unknown", address: attempt.address },
      },
    ),
  );
}
