import Fastify, { type FastifyInstance } from "fastify";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { record } from "#domains/audit/commands.ts";
import { addMs, movableClock, systemClock } from "#platform/clock.ts";
import type { Actor, Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import type { BoundOperation } from "#platform/operation/bound.ts";
import { ROLES, type Role } from "#platform/operation/roles.ts";
import { Problem } from "#platform/problem.ts";
import { openOutbox } from "#platform/queue/outbox.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { type Auth, openAuth } from "./auth.ts";
import { ensureAdminToken, ensureOwner, forgetOldSignIns } from "./commands.ts";
import { staffListOperation, tokensCreateOperation } from "./contract.ts";
import {
  createAuthenticate,
  type Identity,
  type IdentifyDeps,
  requirePermission,
} from "./identify.ts";
import { accessOperations } from "./operations.ts";
import { accessRoutes } from "./routes.ts";
import { newSecret } from "./tokens.ts";

const HOME = "http://purser.test";
const OWNER = {
  email: "owner@example.com",
  name: "Olive Owner",
  password: "a long enough password",
};
const ADMIN = newSecret();

let database: TestDatabase;
let superuser: pg.Client;
let appPool: pg.Pool;
let authPool: pg.Pool;
let auth: Auth;
let app: FastifyInstance;
let operations: ReadonlyMap<string, BoundOperation>;
let authenticate: (request: {
  method: string;
  headers: Record<string, string>;
}) => Promise<Identity | null>;
let home = 0;
let away = 0;
const clock = movableClock(systemClock.now());
const errors: unknown[] = [];

function deps(): IdentifyDeps {
  return {
    auth,
    authPool,
    tokenPool: authPool,
    appPool,
    clock,
    origins: [HOME],
    onError: (error) => errors.push(error),
  };
}

beforeAll(async () => {
  database = await testDatabase();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  // Hand-made rows would be out-of-band lines in the log.
  await superuser.query("set session_replication_role = replica");
  const made = await superuser.query<{ id: number }>(
    `insert into workspaces (public_id, slug, name, is_default, created_at)
     values ('ws_home', 'home', 'Home', true, now()), ('ws_away', 'away', 'Away', false, now()) returning id`,
  );
  [home = 0, away = 0] = made.rows.map((row) => row.id);
  const options = {
    url: database.serviceUrl,
    max: 4,
    applicationName: "t",
    onError: () => undefined,
  };
  appPool = openPool({ ...options, role: "purser_app" });
  authPool = openPool({ ...options, role: "purser_auth" });
  auth = openAuth({
    pool: authPool,
    publicUrl: HOME,
    secret: "a secret for cookies of forty characters",
  });
  await ensureOwner({ auth, authPool, appPool, clock }, OWNER);
  await ensureAdminToken({ authPool, appPool, clock }, ADMIN);
  operations = new Map(
    accessOperations({ auth, authPool }).map((bound) => [bound.operation.name, bound]),
  );
  app = Fastify();
  app.setErrorHandler(async (error, _request, reply) => {
    const known = error instanceof Problem;
    await reply
      .status(known ? error.spec.status : 500)
      .send({ code: known ? error.spec.code : String(error) });
  });
  await app.register(accessRoutes(deps()));
});

beforeEach(async () => {
  await superuser.query("delete from auth.throttles");
  authenticate = createAuthenticate(deps());
  clock.set(systemClock.now());
});

afterAll(async () => {
  await app.close();
  await Promise.all([appPool.end(), authPool.end(), superuser.end()]);
});

async function call(
  name: string,
  identity: Identity,
  input: unknown,
): Promise<Record<string, unknown>> {
  const bound = operations.get(name);
  if (bound === undefined) {
    throw new Error(`no operation ${name}`);
  }
  requirePermission(identity, bound.operation);
  const result = await bound.execute(
    (work) =>
      inTx(appPool, [identity.workspace.id], (tx) => {
        const base = {
          now: clock.now(),
          tx,
          actor: identity.actor,
          workspace: identity.workspace,
          requestId: "req_1",
          ticket: null,
        };
        const outbox = openOutbox(tx, { reactions: new Map(), workspaceId: identity.workspace.id });
        const ctx: Ctx = { ...base, audit: (entry) => record(base, entry), ...outbox };
        return work(ctx);
      }),
    bound.operation.input.parse(input),
    null,
  );
  return z.record(z.string(), z.unknown()).parse(bound.operation.output.parse(result));
}

function identityOf(
  role: Role,
  workspace = { id: home, publicId: "ws_home", slug: "home" },
): Identity {
  const actor: Actor = { kind: "staff", id: `stf_${role}`, name: role, role };
  return { actor, role, workspace, scopes: [] };
}

async function makeToken(role: Role, more: Record<string, unknown> = {}) {
  const made = await call("tokens.create", identityOf("owner"), { name: "t", role, ...more });
  return tokensCreateOperation.output.parse(made);
}

const bearer = (secret: string, method = "GET") =>
  authenticate({ method, headers: { authorization: `Bearer ${secret}` } });

async function signIn(email: string, password: string, headers: Record<string, string> = {}) {
  return app.inject({
    method: "POST",
    url: "/api/auth/sign-in/email",
    headers: { origin: HOME, ...headers },
    payload: { email, password },
  });
}

async function cookieOf(email: string, password: string): Promise<string> {
  const answer = await signIn(email, password);
  expect(answer.statusCode).toBe(200);
  const cookie = answer.cookies.find((each) => each.name.includes("session_token"));
  return `${cookie?.name}=${encodeURIComponent(cookie?.value ?? "")}`;
}

async function log(action: string) {
  const found = await superuser.query<{
    actor_name: string;
    subject_id: string | null;
    detail: unknown;
    workspace_id: number;
  }>(
    "select actor_name, subject_id, detail, workspace_id from audit_entries where action = $1 order by id",
    [action],
  );
  return found.rows;
}

describe("signing in", () => {
  test("the owner gets a session cookie that scripts cannot read, and is who they are", async () => {
    const answer = await signIn(OWNER.email.toUpperCase(), OWNER.password);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["set-cookie"]?.toString()).toMatch(
      /session_token=.*HttpOnly; SameSite=Lax/u,
    );
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    const identity = await authenticate({ method: "GET", headers: { cookie } });
    expect(identity).toMatchObject({
      role: "owner",
      workspace: { slug: "home" },
      actor: { kind: "staff", name: "Olive Owner" },
    });
    expect((await log("staff.signed_in")).at(-1)).toMatchObject({ actor_name: "Olive Owner" });
  });

  test("over https the cookie is Secure", async () => {
    const secure = openAuth({
      pool: authPool,
      publicUrl: "https://purser.test",
      secret: "a secret for cookies of forty characters",
    });
    const context = await secure.$context;
    expect(context.authCookies.sessionToken).toMatchObject({
      name: "__Secure-purser.session_token",
      attributes: { secure: true, httpOnly: true },
    });
  });

  test("a wrong password and an unknown address get the same answer", async () => {
    const wrong = await signIn(OWNER.email, "not the password");
    const unknown = await signIn("nobody@example.com", "not the password");
    expect([wrong.statusCode, wrong.body]).toEqual([401, unknown.body]);
    expect(unknown.statusCode).toBe(401);
  });

  test("a failure is in the log, without the password and without an unknown address", async () => {
    await signIn("canary-address@example.com", "canary-password");
    await signIn(OWNER.email, "canary-password");
    const lines = await log("staff.sign_in_failed");
    expect(lines.at(-1)).toMatchObject({ actor_name: "Olive Owner", workspace_id: home });
    expect(lines.at(-2)).toMatchObject({ subject_id: null, detail: { account: "unknown" } });
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("nobody signs themselves up, and what better-auth offers beyond our list is not there", async () => {
    for (const path of [
      "sign-up/email",
      "delete-user",
      "update-user",
      "change-email",
      "sign-in/social",
      "error",
    ]) {
      const answer = await app.inject({
        method: "POST",
        url: `/api/auth/${path}`,
        headers: { origin: HOME },
        payload: { email: "x@example.com", password: OWNER.password, name: "x" },
      });
      expect([path, answer.statusCode]).toEqual([path, 404]);
    }
  });

  test("after five failures of one account from one address the right password waits too; a quarter of an hour later it works", async () => {
    for (let round = 0; round < 5; round += 1) {
      expect((await signIn(OWNER.email, "wrong password")).statusCode).toBe(401);
    }
    expect((await signIn(OWNER.email, OWNER.password)).statusCode).toBe(429);
    clock.advanceMs(15 * 60_000 + 1_000);
    expect((await signIn(OWNER.email, OWNER.password)).statusCode).toBe(200);
  });

  test("a forwarded address of the client's own making changes nothing", async () => {
    for (let round = 0; round < 5; round += 1) {
      await signIn(OWNER.email, "wrong password", { "x-forwarded-for": `10.0.0.${round}` });
    }
    expect(
      (await signIn(OWNER.email, OWNER.password, { "x-forwarded-for": "10.9.9.9" })).statusCode,
    ).toBe(429);
  });

  test.each([[{}], [{ email: 1, password: [] }], [{ email: "x" }]])(
    "a body like %j is a failed sign-in",
    async (payload) => {
      const answer = await app.inject({
        method: "POST",
        url: "/api/auth/sign-in/email",
        headers: { origin: HOME },
        payload,
      });
      expect(answer.statusCode).toBe(401);
    },
  );

  test("another site cannot sign anybody in or out", async () => {
    expect(
      (await signIn(OWNER.email, OWNER.password, { origin: "https://evil.example" })).statusCode,
    ).toBe(403);
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    const out = await app.inject({
      method: "POST",
      url: "/api/auth/sign-out",
      headers: { cookie, origin: "https://evil.example" },
      payload: {},
    });
    expect(out.statusCode).toBe(403);
    expect(await authenticate({ method: "GET", headers: { cookie } })).not.toBeNull();
  });

  test("signing out ends the session at once", async () => {
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    const out = await app.inject({
      method: "POST",
      url: "/api/auth/sign-out",
      headers: { cookie, origin: HOME },
      payload: {},
    });
    expect(out.statusCode).toBe(200);
    expect(await authenticate({ method: "GET", headers: { cookie } })).toBeNull();
  });

  test("every sign-in makes a new session id", async () => {
    expect(await cookieOf(OWNER.email, OWNER.password)).not.toBe(
      await cookieOf(OWNER.email, OWNER.password),
    );
  });

  test("of sixty guesses at once, five are judged; programs with tokens are served meanwhile", async () => {
    const before = (await log("staff.sign_in_failed")).length;
    const guesses = Array.from({ length: 60 }, (_, n) => signIn(OWNER.email, `guess number ${n}`));
    const token = await bearer(ADMIN);
    const statuses = (await Promise.all(guesses)).map((answer) => answer.statusCode);
    expect(token).toMatchObject({ role: "owner" });
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(55);
    expect((await log("staff.sign_in_failed")).length - before).toBe(5);
    const counts = await superuser.query<{ failures: number }>(
      "select failures from auth.throttles",
    );
    // What was refused was not counted: others who share the account or the address are not kept out by it.
    expect(counts.rows.map((row) => row.failures)).toEqual([5, 5, 5]);
  });

  test("sign-ins that succeed leave no count behind", async () => {
    await signIn(OWNER.email, OWNER.password);
    await Promise.all([1, 2, 3].map(() => signIn(OWNER.email, OWNER.password)));
    const counts = await superuser.query("select from auth.throttles where failures > 0");
    expect(counts.rowCount).toBe(0);
  });

  test.each([
    ["POST", "request-password-reset"],
    ["POST", "reset-password"],
    ["GET", "reset-password/a-token"],
  ] as const)(
    '%s %s says that no mail is sent, instead of "check your email"',
    async (method, path) => {
      const answer = await app.inject({
        method,
        url: `/api/auth/${path}`,
        headers: { origin: HOME },
        ...(method === "POST" ? { payload: { email: OWNER.email } } : {}),
      });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
        501,
        "access/no-mail",
      ]);
    },
  );

  test("a changed password and an ended session are lines in the log, without the password", async () => {
    await call("staff.add", identityOf("owner"), {
      email: "pat@example.com",
      name: "Pat",
      role: "viewer",
      password: "the first canary-word",
    });
    const deed = async (cookie: string, path: string, payload: object) =>
      app.inject({
        method: "POST",
        url: `/api/auth/${path}`,
        headers: { cookie, origin: HOME },
        payload,
      });
    const first = await cookieOf("pat@example.com", "the first canary-word");
    const wrong = { currentPassword: "not the password", newPassword: "the next canary-word" };
    expect((await deed(first, "change-password", wrong)).statusCode).toBe(400);
    expect(await log("auth.password_changed")).toEqual([]);
    const right = { ...wrong, currentPassword: "the first canary-word" };
    expect((await deed(first, "change-password", right)).statusCode).toBe(200);
    const lines = await log("auth.password_changed");
    expect(lines).toMatchObject([{ actor_name: "Pat", workspace_id: home }]);
    const next = await cookieOf("pat@example.com", "the next canary-word");
    expect((await deed(next, "revoke-other-sessions", {})).statusCode).toBe(200);
    expect((await deed(next, "sign-out", {})).statusCode).toBe(200);
    expect(await log("auth.sessions_ended")).toMatchObject([{ actor_name: "Pat" }]);
    expect((await log("auth.signed_out")).at(-1)).toMatchObject({ actor_name: "Pat" });
    expect(JSON.stringify(lines)).not.toContain("canary");
  });
});

test("ended sessions and old failures are forgotten; live ones are not", async () => {
  const cookie = await cookieOf(OWNER.email, OWNER.password);
  await signIn(OWNER.email, "wrong password");
  expect(await forgetOldSignIns({ authPool, clock })).toBe(0);
  clock.advanceMs(16 * 60_000);
  expect(await forgetOldSignIns({ authPool, clock })).toBe(3);
  expect(await authenticate({ method: "GET", headers: { cookie } })).not.toBeNull();
});

describe("a cookie and a write", () => {
  test("needs our own origin; a read does not", async () => {
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    const write = (headers: Record<string, string>) =>
      authenticate({ method: "POST", headers: { cookie, ...headers } });
    await expect(write({})).rejects.toThrow(/another site/);
    await expect(write({ origin: "https://evil.example" })).rejects.toThrow(/another site/);
    await expect(write({ "sec-fetch-site": "cross-site" })).rejects.toThrow(/another site/);
    expect(await write({ origin: HOME })).toMatchObject({ role: "owner" });
    expect(await write({ "sec-fetch-site": "same-origin" })).toMatchObject({ role: "owner" });
  });

  test("a bad bearer token is not replaced by a good cookie", async () => {
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    expect(
      await authenticate({
        method: "GET",
        headers: { cookie, authorization: "Bearer psr_of_somebody_else" },
      }),
    ).toBeNull();
  });
});

describe("tokens", () => {
  test("PURSER_ADMIN_TOKEN is an owner of the default workspace", async () => {
    expect(await bearer(ADMIN)).toMatchObject({
      role: "owner",
      workspace: { slug: "home" },
      actor: { kind: "token", name: "Administrator" },
    });
    const shown = await call("session.show", identityOf("viewer"), {});
    expect(shown).toEqual({
      actor: { kind: "staff", id: "stf_viewer", name: "viewer", role: "viewer" },
      workspace: { id: "ws_home", slug: "home", name: "Home" },
    });
  });

  test("another PURSER_ADMIN_TOKEN replaces the first, and the first may come back", async () => {
    const next = newSecret();
    await ensureAdminToken({ authPool, appPool, clock }, next);
    authenticate = createAuthenticate(deps());
    expect([await bearer(ADMIN), (await bearer(next))?.role]).toEqual([null, "owner"]);
    await ensureAdminToken({ authPool, appPool, clock }, ADMIN);
    authenticate = createAuthenticate(deps());
    expect([(await bearer(ADMIN))?.role, await bearer(next)]).toEqual(["owner", null]);
  });

  test("the secret is in one answer and nowhere else; the database has its hash", async () => {
    const { token, secret } = await makeToken("viewer");
    expect(await bearer(secret)).toMatchObject({
      role: "viewer",
      actor: { kind: "token", id: token.id },
    });
    const listed = await call("tokens.list", identityOf("owner"), {});
    expect(JSON.stringify(listed)).not.toContain(secret);
    expect(JSON.stringify(listed)).toContain(token.prefix);
    const everywhere = await superuser.query<{ found: boolean }>(
      `select exists (select from api_tokens t where t::text like '%' || $1 || '%')
           or exists (select from audit_entries t where t::text like '%' || $1 || '%') as found`,
      [secret],
    );
    expect(everywhere.rows).toEqual([{ found: false }]);
  });

  test("a revoked token stops within a second, on a node that has just used it", async () => {
    const { token, secret } = await makeToken("viewer");
    expect(await bearer(secret)).not.toBeNull();
    await call("tokens.revoke", identityOf("owner"), { id: token.id });
    clock.advanceMs(999);
    expect(await bearer(secret)).toBeNull();
    const again = await call("tokens.revoke", identityOf("owner"), { id: token.id });
    expect(again["revokedAt"]).not.toBeNull();
    expect(
      (await log("token.revoked")).filter((line) => line.subject_id === token.id),
    ).toHaveLength(1);
  });

  test("an expired token is a stranger's", async () => {
    const { secret } = await makeToken("viewer", {
      expiresAt: addMs(clock.now(), 60_000).toISOString(),
    });
    expect(await bearer(secret)).not.toBeNull();
    clock.advanceMs(60_000);
    expect(await bearer(secret)).toBeNull();
    await expect(makeToken("viewer", { expiresAt: "2020-01-01T00:00:00Z" })).rejects.toThrow(
      /expired before/,
    );
  });

  test("a scope limits a token to what it names", async () => {
    const { secret } = await makeToken("owner", { scopes: ["tokens.list", "session.*"] });
    const identity = await bearer(secret);
    const may = (name: string) => {
      const bound = operations.get(name);
      if (identity === null || bound === undefined) {
        throw new Error("missing");
      }
      requirePermission(identity, bound.operation);
    };
    expect(() => may("tokens.list")).not.toThrow();
    expect(() => may("session.show")).not.toThrow();
    expect(() => may("tokens.create")).toThrow(/may not call/);
  });

  test("a token scoped to tokens.create cannot make one that may do all; one with an end, none without", async () => {
    const end = addMs(clock.now(), 3_600_000).toISOString();
    const later = addMs(clock.now(), 7_200_000).toISOString();
    const { secret } = await makeToken("owner", {
      scopes: ["tokens.*", "staff.*", "inbox.*"],
      expiresAt: end,
    });
    const maker = await bearer(secret);
    if (maker === null) {
      throw new Error("a token that was just made is nobody's");
    }
    const make = (more: object) =>
      call("tokens.create", maker, { name: "child", role: "viewer", ...more });
    await expect(make({ scopes: [], expiresAt: end })).rejects.toThrow(/more power/);
    await expect(make({ scopes: ["billing.*"], expiresAt: end })).rejects.toThrow(/more power/);
    await expect(make({ scopes: ["inbox.list"] })).rejects.toThrow(/more power/);
    await expect(make({ scopes: ["inbox.list"], expiresAt: later })).rejects.toThrow(/more power/);
    expect(await make({ scopes: ["inbox.list"], expiresAt: end })).toMatchObject({
      token: { scopes: ["inbox.list"] },
    });
    const person = {
      email: "puppet@example.com",
      name: "P",
      role: "owner",
      password: "x".repeat(20),
    };
    await expect(call("staff.add", maker, person)).rejects.toThrow(/more power/);
    const free = await bearer(ADMIN);
    expect(
      free === null ? null : await call("tokens.create", free, { name: "c", role: "owner" }),
    ).toMatchObject({ token: { scopes: [], expiresAt: null } });
  });

  test("a token that has ended stays so, whoever types what in psql", async () => {
    const { token, secret } = await makeToken("owner");
    await call("tokens.revoke", identityOf("owner"), { id: token.id });
    const operator = new pg.Client({ connectionString: database.operatorUrl });
    await operator.connect();
    for (const value of ["null", "now() + interval '1 day'"]) {
      await expect(
        operator.query(`update api_tokens set revoked_at = ${value} where id = $1`, [token.id]),
      ).rejects.toThrow(/stays ended/);
    }
    const other = await makeToken("viewer");
    await operator.query("update api_tokens set revoked_at = now() where id = $1", [
      other.token.id,
    ]);
    await operator.end();
    clock.advanceMs(1_000);
    expect([await bearer(secret), await bearer(other.secret)]).toEqual([null, null]);
  });

  test("its use is marked once a minute and logged once a day", async () => {
    const { token, secret } = await makeToken("viewer");
    const uses = async () =>
      (await log("token.used")).filter((line) => line.subject_id === token.id).length;
    const lastUsed = async () => {
      const found = await superuser.query<{ at: Date | null }>(
        "select last_used_at as at from api_tokens where id = $1",
        [token.id],
      );
      return found.rows[0]?.at?.getTime() ?? null;
    };
    const first = clock.now().getTime();
    await bearer(secret);
    await expect.poll(uses).toBe(1);
    clock.advanceMs(30_000);
    await bearer(secret);
    expect(await lastUsed()).toBe(first);
    clock.advanceMs(24 * 3_600_000);
    await bearer(secret);
    await expect.poll(uses).toBe(2);
    expect(await lastUsed()).toBe(first + 30_000 + 24 * 3_600_000);
    expect(errors).toEqual([]);
  });

  test.each([
    "",
    "Bearer",
    "Bearer short",
    `Basic ${ADMIN}`,
    `Bearer ${ADMIN}x`,
    `Bearer ${ADMIN} x`,
    "Bearer psr_'; drop table staff --",
  ])("%j is nobody", async (authorization) => {
    expect(await authenticate({ method: "GET", headers: { authorization } })).toBeNull();
  });

  test("nobody makes or revokes a token with more power than their own", async () => {
    await expect(
      call("tokens.create", identityOf("admin"), { name: "x", role: "owner" }),
    ).rejects.toThrow(/more power/);
    const { token } = await makeToken("owner");
    await expect(call("tokens.revoke", identityOf("admin"), { id: token.id })).rejects.toThrow(
      /more power/,
    );
  });
});

test("where one role does everything, tokens and sessions are found all the same", async () => {
  const owner = openPool({
    url: database.ownerUrl,
    role: null,
    max: 2,
    applicationName: "single",
    onError: () => undefined,
  });
  const single = createAuthenticate({ ...deps(), authPool: owner, appPool: owner });
  const cookie = await cookieOf(OWNER.email, OWNER.password);
  expect(await single({ method: "GET", headers: { cookie } })).toMatchObject({ role: "owner" });
  expect(
    await single({ method: "GET", headers: { authorization: `Bearer ${ADMIN}` } }),
  ).toMatchObject({ role: "owner" });
  await owner.end();
});

describe("staff", () => {
  const person = {
    email: "Sam@example.com",
    name: "Sam",
    role: "support",
    password: "a password for sam",
  };
  let id = "";

  test("an owner adds a member, who can sign in", async () => {
    const added = await call("staff.add", identityOf("owner"), person);
    id = String(added["id"]);
    expect(added).toMatchObject({ email: "sam@example.com", role: "support", disabledAt: null });
    const cookie = await cookieOf(person.email, person.password);
    expect(await authenticate({ method: "GET", headers: { cookie } })).toMatchObject({
      role: "support",
    });
    await expect(call("staff.add", identityOf("owner"), person)).rejects.toThrow(/already/);
    expect(JSON.stringify(await log("staff.added"))).not.toContain(person.password);
  });

  test("a change of role holds from the next request of the same session", async () => {
    const cookie = await cookieOf(person.email, person.password);
    await call("staff.change", identityOf("owner"), { id, role: "viewer" });
    expect(await authenticate({ method: "GET", headers: { cookie } })).toMatchObject({
      role: "viewer",
    });
  });

  test("ended access signs out at once and lets nobody in again", async () => {
    const cookie = await cookieOf(person.email, person.password);
    await call("staff.change", identityOf("owner"), { id, disabled: true });
    expect(await authenticate({ method: "GET", headers: { cookie } })).toBeNull();
    expect((await signIn(person.email, person.password)).statusCode).toBe(401);
    const sessions = await superuser.query(
      "select from auth.sessions s join auth.users u on u.id = s.user_id where u.email = 'sam@example.com'",
    );
    expect(sessions.rowCount).toBe(0);
  });

  test("the last owner stays one, and stays in", async () => {
    const listed = await call("staff.list", identityOf("owner"), {});
    const page = staffListOperation.output.parse(listed);
    const owner = page.items.find((each) => each.role === "owner");
    await expect(
      call("staff.change", identityOf("owner"), { id: owner?.id, role: "admin" }),
    ).rejects.toThrow(/at least one owner/);
    await expect(
      call("staff.change", identityOf("owner"), { id: owner?.id, disabled: true }),
    ).rejects.toThrow(/at least one owner/);
  });

  test("the permission table: who may call what", () => {
    const table = Object.fromEntries(
      Array.from(operations.values(), ({ operation }) => [
        operation.name,
        ROLES.filter((role) => {
          try {
            requirePermission({ role, scopes: [] }, operation);
            return true;
          } catch {
            return false;
          }
        }),
      ]),
    );
    expect(table).toEqual({
      "session.show": [...ROLES],
      "staff.list": ["owner", "admin", "auditor"],
      "staff.add": ["owner"],
      "staff.change": ["owner"],
      "tokens.list": ["owner", "admin", "auditor"],
      "tokens.create": ["owner", "admin"],
      "tokens.revoke": ["owner", "admin"],
    });
  });
});

describe("tenancy", () => {
  const elsewhere = () => identityOf("owner", { id: away, publicId: "ws_away", slug: "away" });

  test("an address typed in first by another workspace does not open this one with that workspace's password", async () => {
    const victim = {
      email: "cfo@victim.test",
      name: "V",
      role: "owner",
      password: "known to the attacker",
    };
    await call("staff.add", elsewhere(), victim);
    const honest = { ...victim, role: "admin", password: "known to the victim alone" };
    for (const email of [victim.email, "CFO@Victim.test"]) {
      await expect(
        call("staff.add", identityOf("owner"), { ...honest, email }),
      ).rejects.toMatchObject({ spec: { code: "access/address-taken" } });
    }
    const cookie = await cookieOf(victim.email, victim.password);
    expect(await authenticate({ method: "GET", headers: { cookie } })).toMatchObject({
      workspace: { slug: "away" },
    });
    expect((await signIn(victim.email, honest.password)).statusCode).toBe(401);
    // Nor by the door of the first start, should that address be the owner's.
    await ensureOwner({ auth, authPool, appPool, clock }, honest);
    const listed = staffListOperation.output.parse(
      await call("staff.list", identityOf("owner"), {}),
    );
    expect(listed.items.map((each) => each.email)).not.toContain(victim.email);
  });

  test("two workspaces that add the same address at once: one of them has it, and nobody's place is empty", async () => {
    const person = {
      email: "race@example.com",
      name: "R",
      role: "viewer",
      password: "long enough for anyone",
    };
    const tries = await Promise.allSettled([
      call("staff.add", identityOf("owner"), person),
      call("staff.add", elsewhere(), person),
    ]);
    expect(tries.map((each) => each.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const users = await superuser.query<{ places: number }>(
      `select (select count(*)::int from staff s where s.user_id = u.id) as places
         from auth.users u where u.email = 'race@example.com'`,
    );
    expect(users.rows).toEqual([{ places: 1 }]);
  });

  test("of somebody in two workspaces, only the one they use learns of it, and only one shuts them out", async () => {
    const person = {
      email: "both@example.com",
      name: "Both",
      role: "viewer",
      password: "a password for both",
    };
    const here = String((await call("staff.add", identityOf("owner"), person))["id"]);
    await superuser.query(
      `insert into staff (id, workspace_id, user_id, name, email, role, created_at)
       select 'stf_both_away', $1, user_id, name, email, role, now() from staff where id = $2`,
      [away, here],
    );
    const told = async (action: string) =>
      (await log(action))
        .filter((line) => line.actor_name === "Both")
        .map((line) => line.workspace_id);
    const cookie = await cookieOf(person.email, person.password);
    await signIn(person.email, "wrong password");
    expect([await told("staff.signed_in"), await told("staff.sign_in_failed")]).toEqual([
      [home],
      [home],
    ]);
    await signIn(person.email, person.password, { "purser-workspace": "away" });
    expect(await told("staff.signed_in")).toEqual([home, away]);
    await call("staff.change", identityOf("owner"), { id: here, disabled: true });
    expect(await authenticate({ method: "GET", headers: { cookie } })).toMatchObject({
      workspace: { slug: "away" },
    });
    const again = { cookie, "purser-workspace": "home" };
    expect(await authenticate({ method: "GET", headers: again })).toBeNull();
  });

  test("another workspace sees no staff and no tokens, and can change none", async () => {
    const { token } = await makeToken("viewer");
    expect(await call("tokens.list", elsewhere(), {})).toEqual({ items: [], nextCursor: null });
    const seen = JSON.stringify(await call("staff.list", elsewhere(), {}));
    expect(seen).not.toContain(OWNER.email);
    await expect(call("tokens.revoke", elsewhere(), { id: token.id })).rejects.toThrow(
      /no such token/,
    );
    await expect(
      call("staff.change", elsewhere(), { id: "stf_x", role: "viewer" }),
    ).rejects.toThrow(/no such member/);
    const forged = inTx(appPool, [away], (tx) =>
      tx.client.query("update api_tokens set revoked_at = now() where id = $1", [token.id]),
    );
    expect((await forged).rowCount).toBe(0);
  });

  test("a header cannot choose a workspace that one is no member of", async () => {
    const cookie = await cookieOf(OWNER.email, OWNER.password);
    expect(
      await authenticate({ method: "GET", headers: { cookie, "purser-workspace": "away" } }),
    ).toBeNull();
    expect(
      await authenticate({ method: "GET", headers: { cookie, "purser-workspace": "home" } }),
    ).not.toBeNull();
  });

  test.each(["purser_app", "purser_worker", "purser_intake"])(
    "%s cannot read sessions or password hashes",
    async (role) => {
      const pool = openPool({
        url: database.serviceUrl,
        role,
        max: 1,
        applicationName: "t",
        onError: () => undefined,
      });
      await expect(pool.query("select from auth.sessions")).rejects.toThrow(/permission denied/);
      await expect(pool.query("select from auth.accounts")).rejects.toThrow(/permission denied/);
      await pool.end();
    },
  );

  test("the operator cannot read hashes, and a role changed by hand is in the log", async () => {
    const operator = new pg.Client({ connectionString: database.operatorUrl });
    await operator.connect();
    await expect(operator.query("select secret_hash from api_tokens")).rejects.toThrow(
      /permission denied/,
    );
    await expect(operator.query("select from auth.accounts")).rejects.toThrow(/permission denied/);
    await operator.query("update staff set role = 'owner' where email = 'sam@example.com'");
    await operator.end();
    expect((await log("out_of_band.row_updated")).at(-1)).toMatchObject({
      actor_name: "purser_operator",
      detail: { table: "staff", changed: ["role"] },
    });
  });
});
