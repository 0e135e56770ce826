import { createHash } from "node:crypto";

import { z } from "zod";

import { record } from "#domains/audit/commands.ts";
import { addMs } from "#platform/clock.ts";
import { inTx } from "#platform/db/tx.ts";
import { Problem, unavailable } from "#platform/problem.ts";

import { endSessions, findUser } from "./auth.ts";
import { type IdentifyDeps, memberOf } from "./identify.ts";
import type { Membership } from "./model.ts";
import { retryAfterSeconds, THROTTLE_WINDOW_MS, type ThrottleKind } from "./permission.core.ts";
import { signInBusy, tooManyAttempts, wrongCredentials } from "./problems.ts";
import {
  countTry,
  findDefaultWorkspace,
  findMemberships,
  forgetFailures,
  inAllWorkspaces,
  uncountTry,
} from "./store.ts";

function throttleKeys(email: string, address: string): ReadonlyMap<string, ThrottleKind> {
  const account = createHash("sha256").update(email).digest("hex").slice(0, 32);
  return new Map<string, ThrottleKind>([
    [`pair:${account}:${address}`, "pair"],
    [`account:${account}`, "account"],
    [`address:${address}`, "address"],
  ]);
}

/** Counts the try before it is judged: of many at once only as many are judged as may fail. */
async function reserve(deps: IdentifyDeps, keys: ReadonlyMap<string, ThrottleKind>): Promise<void> {
  const now = deps.clock.now();
  // A refusal rolls its own count back, so that knocking at a shut door does not keep it shut for others.
  await inTx(deps.authPool, [], async (tx) => {
    const window = { now, since: addMs(now, -THROTTLE_WINDOW_MS) };
    const counts = await countTry(tx, [...keys.keys()], window);
    const seconds = retryAfterSeconds(
      counts.map(({ key, failures, windowFrom }) => ({
        kind: keys.get(key) ?? "account",
        failures,
        windowFrom,
      })),
      now,
    );
    if (seconds !== null) {
      throw new Problem(tooManyAttempts, `Try again in ${seconds} seconds.`, {
        retryAfterSeconds: seconds,
      });
    }
  });
}

/** One try to sign in, as far as it matters to throttle and log. */
export interface SignInAttempt {
  /** As typed; compared in lower case. */
  readonly email: string;
  readonly address: string;
  readonly requestId: string;
  /** The workspace asked for, where one was. */
  readonly workspace: string | undefined;
}

type Judge = () => Promise<Response>;

/** Judging takes one of Node's four threads for its time; files and names need some too. */
const JUDGED_AT_ONCE = 2;
const WAIT_IN_LINE = 16;

/**
 * Lets better-auth judge a sign-in between throttle and log. The right password of somebody without
 * access is a failure like any other.
 *
 * @returns takes a try and a function that asks better-auth; throws Problem access/wrong-credentials,
 *   access/too-many-attempts, access/sign-in-busy, platform/unavailable
 */
export function createSignIn(
  deps: IdentifyDeps,
): (attempt: SignInAttempt, judge: Judge) => Promise<Response> {
  let judging = 0;
  const line: (() => void)[] = [];
  return async (attempt, judge) => {
    if (judging < JUDGED_AT_ONCE) {
      judging += 1;
    } else if (line.length < WAIT_IN_LINE) {
      // Whoever leaves hands the place over.
      await new Promise<void>((go) => line.push(go));
    } else {
      throw new Problem(signInBusy, "Try again in a few seconds.", { retryAfterSeconds: 3 });
    }
    try {
      return await signIn(deps, attempt, judge);
    } finally {
      const next = line.shift();
      if (next === undefined) {
        judging -= 1;
      } else {
        next();
      }
    }
  };
}

async function signIn(deps: IdentifyDeps, attempt: SignInAttempt, judge: Judge): Promise<Response> {
  const email = attempt.email.trim().toLowerCase();
  const keys = throttleKeys(email, attempt.address);
  await reserve(deps, keys);
  const response = await judge();
  if (response.status >= 500) {
    await uncountTry(deps.authPool, [...keys.keys()]);
    throw new Problem(unavailable, "Sign-in does not work at the moment; try again shortly.");
  }
  const user = response.ok ? userOf(await response.clone().json()) : null;
  const members = user === null ? [] : await membershipsOf(deps, user);
  const member = placeOf(members, attempt);
  if (member === null) {
    if (user !== null) {
      await endSessions(deps.auth, user);
    }
    await recordFailure(deps, attempt, email);
    throw new Problem(wrongCredentials);
  }
  const kinds = [...keys];
  await forgetFailures(
    deps.authPool,
    kinds.filter(([, kind]) => kind !== "address").map(([key]) => key),
  );
  await uncountTry(
    deps.authPool,
    kinds.filter(([, kind]) => kind === "address").map(([key]) => key),
  );
  await recordFor(deps, attempt, member, "staff.signed_in");
  return response;
}

/** The one workspace whose log is told: where somebody signs in is no business of the others. */
function placeOf(members: readonly Membership[], attempt: SignInAttempt): Membership | null {
  return memberOf(members, attempt.workspace) ?? members[0] ?? null;
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
  member: Membership,
  action: string,
): Promise<void> {
  await inTx(deps.appPool, [member.workspaceId], (tx) =>
    record(
      {
        tx,
        now: deps.clock.now(),
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

/** A failure names the member it was aimed at; of an address that nobody has not even a part is kept. */
async function recordFailure(
  deps: IdentifyDeps,
  attempt: SignInAttempt,
  email: string,
): Promise<void> {
  const user = await findUser(deps.auth, email);
  const members = user === null ? [] : await membershipsOf(deps, user);
  const member = placeOf(members, attempt);
  if (member !== null) {
    await recordFor(deps, attempt, member, "staff.sign_in_failed");
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
