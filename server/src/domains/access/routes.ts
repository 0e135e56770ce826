import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";

import { record } from "#domains/audit/commands.ts";
import { inTx } from "#platform/db/tx.ts";
import { notFound, Problem } from "#platform/problem.ts";

import { ADDRESS_HEADER } from "./auth.ts";
import { bySession, type IdentifyDeps } from "./identify.ts";
import { isSameSite } from "./permission.core.ts";
import { crossSite, noMail } from "./problems.ts";
import { createSignIn } from "./sign-in.ts";

/** What of better-auth is open to the world. Whatever a later version adds stays shut until it is named here. */
const OPEN: ReadonlySet<string> = new Set([
  "GET /get-session",
  "GET /list-sessions",
  "GET /ok",
  "POST /sign-in/email",
  "POST /sign-out",
  "POST /change-password",
  "POST /revoke-session",
  "POST /revoke-sessions",
  "POST /revoke-other-sessions",
]);
/** Shut until there is somebody who sends the mail: "check your e-mail" would be a lie. */
const RESET = /^(POST \/request-password-reset|(GET|POST) \/reset-password(\/.*)?)$/u;
/** What the log calls a deed that better-auth did. */
const DEEDS: ReadonlyMap<string, string> = new Map([
  ["POST /change-password", "auth.password_changed"],
  ["POST /revoke-session", "auth.session_ended"],
  ["POST /revoke-sessions", "auth.sessions_ended"],
  ["POST /revoke-other-sessions", "auth.sessions_ended"],
  ["POST /sign-out", "auth.signed_out"],
]);
const PREFIX = "/api/auth";

const typed = z.object({ email: z.string().max(320) });

/** `/api/auth/*`: better-auth behind a list of open paths, an origin check, a throttle and the audit log. */
export function accessRoutes(deps: IdentifyDeps): (app: FastifyInstance) => Promise<void> {
  const signIn = createSignIn(deps);
  return (app) => {
    app.route({
      method: ["GET", "POST"],
      url: `${PREFIX}/*`,
      handler: async (request, reply) => {
        const path = pathOf(request);
        const door = `${request.method} ${path}`;
        if (RESET.test(door)) {
          throw new Problem(noMail, "Ask an owner of your workspace.");
        }
        if (!OPEN.has(door)) {
          throw new Problem(notFound);
        }
        refuseOtherSites(request, deps.origins);
        const judge = (): Promise<Response> => deps.auth.handler(webRequest(deps, request));
        const response =
          path === "/sign-in/email"
            ? await signIn(attemptOf(request), judge)
            : await recorded(deps, request, DEEDS.get(door), judge);
        return send(reply, response);
      },
    });
    return Promise.resolve();
  };
}

/** Who did it is asked beforehand: afterwards their session may be gone. */
async function recorded(
  deps: IdentifyDeps,
  request: FastifyRequest,
  action: string | undefined,
  judge: () => Promise<Response>,
): Promise<Response> {
  const who = action === undefined ? null : await bySession(deps, request);
  const response = await judge();
  if (action !== undefined && who !== null && response.ok) {
    const { actor, workspace } = who;
    await inTx(deps.appPool, [workspace.id], (tx) =>
      record(
        { tx, now: deps.clock.now(), actor, workspace, requestId: request.id, ticket: null },
        { action, subject: { kind: "staff", id: actor.id }, detail: { address: request.ip } },
      ),
    );
  }
  return response;
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

/** A body that is no sign-in counts as one that failed. */
function attemptOf(request: FastifyRequest) {
  const parsed = typed.safeParse(request.body);
  const workspace = request.headers["purser-workspace"];
  return {
    email: parsed.success ? parsed.data.email : "",
    address: request.ip,
    requestId: request.id,
    workspace: typeof workspace === "string" ? workspace : undefined,
  };
}
