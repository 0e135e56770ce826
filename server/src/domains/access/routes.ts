import { createHash } from "node:crypto";

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";

import { record } from "#domains/audit/commands.ts";
import { addMs } from "#platform/clock.ts";
import { inTx } from "#platform/db/tx.ts";
import { notFound, Problem, unavailable } from "#platform/problem.ts";

import { ADDRESS_HEADER, endSessions } from "./auth.ts";
import type { IdentifyDeps } from "./identify.ts";
import {
  isSameSite,
  retryAfterSeconds,
  THROTTLE_WINDOW_MS,
  type ThrottleKind,
} from "./permission.core.ts";
import { crossSite, tooManyAttempts, wrongCredentials } from "./problems.ts";
import {
  countFailure,
  findDefaultWorkspace,
  findMemberships,
  forgetFailures,
  inAllWorkspaces,
  type Membership,
  readThrottles,
} from "./store.ts";

/** What of better-auth is open to the world. Whatever a later version adds stays shut until it is named here. */
const OPEN: ReadonlySet<string> = new Set([
  "GET /get-session",
  "GET /list-sessions",
  "GET /ok",
  "POST /sign-in/email",
  "POST /sign-out",
  "POST /change-password",
  "POST /request-password-reset",
  "POST /reset-password",
  "POST /revoke-session",
  "POST /revoke-sessions",
  "POST /revoke-other-sessions",
]);
const RESET_LINK = /^GET \/reset-password\/[\w-]{1,200}$/u;
const PREFIX = "/api/auth";

const credentials = z.object({ email: z.string().max(320), password: z.string().max(1_000) });

/** `/api/auth/*`: better-auth behind a list of open paths, an origin check, a throttle and the audit log. */
export function accessRoutes(deps: IdentifyDeps): (app: FastifyInstance) => Promise<void> {
  return (app) => {
    app.route({
      method: ["GET", "POST"],
      url: `${PREFIX}/*`,
      handler: async (request, reply) => {
        const path = pathOf(request);
        const door = `${request.method} ${path}`;
        if (!OPEN.has(door) && !RESET_LINK.test(door)) {
          throw new Problem(notFound);
        }
        refuseOtherSites(request, deps.origins);
        return path === "/sign-in/email"
          ? signIn(deps, request, reply)
          : send(reply, await deps.auth.handler(webRequest(deps, request)));
      },
    });
    return Promise.resolve();
  };
}

function pathOf(request: FastifyRequest): string {
  return (request.url.split("?")[0] ?? "").slice(PREFIX.length);
}

/** A browser always says where a write comes from; what says nothing is no browser and has no cookies to abuse. */
function refuseOtherSites(request: FastifyRequest, ours: readonly string[]): void {
  const { origin, cookie } = request.headers;
  const site = request.headers["sec-fetch-site"];
  const fetchSite = typeof site === "string" ? site : undefined;
  const fromBrowser = origin !== undefined || fetchSite !== undefined || cookie !== undefined;
  if (fromBrowser && !isSameSite({ method: request.method, origin, fetchSite }, ours)) {
    throw new Problem(crossSite, "Open Purser's own page and try again.");
  }
}

function webRequest(deps: IdentifyDeps, request: FastifyRequest): Request {
  const headers = new Headers({ [ADDRESS_HEADER]: request.ip });
  for (const name of ["cookie", "user-agent"] as const) {
    const value = request.headers[name];
    if (typeof value === "string") {
      headers.set(name, value);
    }
  }
  const home = deps.origins[0] ?? "http://127.0.0.1";
  // Judged above; better-auth asks again and gets our own origin.
  headers.set("origin", home);
  const url = new URL(request.url, home);
  if (request.method === "GET") {
    return new Request(url, { headers });
  }
  headers.set("content-type", "application/json");
  return new Request(url, { method: "POST", headers, body: JSON.stringify(request.body ?? {}) });
}

async function send(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  void reply.status(response.status);
  for (const name of ["content-type", "location", "x-retry-after"]) {
    const value = response.headers.get(name);
    if (value !== null) {
      void reply.header(name, value);
    }
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) {
    void reply.header("set-cookie", cookies);
  }
  void reply.header("cache-control", "no-store");
  return reply.send(await response.text());
}

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

async function signIn(
  deps: IdentifyDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parsed = credentials.safeParse(request.body);
  const email = parsed.success ? parsed.data.email.trim().toLowerCase() : "";
  const keys = throttleKeys(email, request.ip);
  await refuseThrottled(deps, keys);
  const response = await deps.auth.handler(webRequest(deps, request));
  if (response.status >= 500) {
    throw new Problem(unavailable, "Sign-in does not work at the moment; try again shortly.");
  }
  const user = response.ok ? userOf(await response.clone().json()) : null;
  const members = user === null ? [] : await membershipsOf(deps, user);
  const now = deps.clock.now();
  if (user === null || members.length === 0) {
    if (user !== null) {
      await endSessions(deps.auth, user); // the right password of someone who has no access any more
    }
    await countFailure(deps.authPool, [...keys.keys()], {
      now,
      since: addMs(now, -THROTTLE_WINDOW_MS),
    });
    await recordFailure(deps, request, email);
    throw new Problem(wrongCredentials);
  }
  await forgetFailures(
    deps.authPool,
    [...keys].filter(([, kind]) => kind !== "address").map(([key]) => key),
  );
  await recordFor(deps, request, members, "staff.signed_in");
  return send(reply, response);
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
  request: FastifyRequest,
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
          requestId: request.id,
          ticket: null,
        },
        {
          action,
          subject: { kind: "staff", id: member.staffId },
          detail: { address: request.ip },
        },
      ),
    );
  }
}

/** A failure names the member it was aimed at; of an address that nobody has not even a part is kept. */
async function recordFailure(
  deps: IdentifyDeps,
  request: FastifyRequest,
  email: string,
): Promise<void> {
  const context = await deps.auth.$context;
  const found = await context.internalAdapter.findUserByEmail(email);
  const members = found === null ? [] : await membershipsOf(deps, found.user.id);
  if (members.length > 0) {
    await recordFor(deps, request, members, "staff.sign_in_failed");
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
        requestId: request.id,
        ticket: null,
      },
      {
        action: "staff.sign_in_failed",
        subject: null,
        detail: { account: "unknown", address: request.ip },
      },
    ),
  );
}
