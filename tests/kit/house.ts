import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import pg from "pg";

import { ensureEndpoint } from "../../server/src/domains/inbox/endpoint.commands.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
import { type Config, readConfig } from "../../server/src/platform/config/env.ts";
import { ROLES, type Role } from "../../server/src/platform/operation/roles.ts";
import { testDatabase } from "../../server/src/platform/testing/database.ts";
import type { Database } from "../../server/src/wiring/database.ts";
import { prepareFirstStart } from "../../server/src/wiring/first-start.ts";
import { openHouse } from "../../server/src/wiring/house.ts";
import { secretBox } from "../../server/src/wiring/secrets.ts";
import { serve } from "../../server/src/wiring/serve.ts";
import { work } from "../../server/src/wiring/work.ts";

export const STRIPE_SECRET = "whsec_test_of_the_wired_house_01";
const OTHER_SECRET = "whsec_test_of_the_other_house_02";

export interface Tenant {
  readonly id: number;
  readonly slug: string;
  /** Where its webhooks go: `stripe` for the default workspace, else the endpoint's id. */
  readonly endpoint: string;
  readonly secret: string;
  readonly tokens: Readonly<Record<Role, string>>;
}

export interface WiredHouse {
  readonly base: string;
  readonly port: number;
  readonly config: Config;
  readonly database: Database;
  readonly superuser: pg.Pool;
  readonly alder: Tenant;
  readonly birch: Tenant;
  stop(): Promise<void>;
}

export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        done(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}

/** What the environment of a person who runs the tests says must not matter. */
export function testConfig(settings: {
  readonly dataDir: string;
  readonly port: number;
  readonly databaseUrl: string;
}): Config {
  return readConfig({
    NODE_ENV: "test",
    PURSER_DATA: settings.dataDir,
    PURSER_PORT: String(settings.port),
    PURSER_HOST: "127.0.0.1",
    PURSER_DATABASE_URL: settings.databaseUrl,
    PURSER_DEMO: "off",
    PURSER_SANDBOX: "off",
    PURSER_TRUSTED_PROXIES: "",
    PURSER_MASTER_KEY: "",
    PURSER_MASTER_KEY_FILE: "",
    PURSER_ADMIN_TOKEN: "psr_of_the_wired_house_0001",
    PURSER_PUBLIC_URL: "",
    PURSER_METRICS_TOKEN: "",
    PURSER_LOG_LEVEL: "error",
    // Nobody listens there: a call that slips out is refused at once and costs nobody money.
    STRIPE_API_KEY: "sk_test_of_the_wired_house",
    STRIPE_API_BASE: "http://127.0.0.1:1",
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
    PADDLE_WEBHOOK_SECRET_KEY: "pdl_ntfset_test_of_the_wired_house",
    TWILIO_AUTH_TOKEN: "twilio-token-of-the-wired-house",
  });
}

/**
 * The program as `purser serve` and `purser work` put it together, in this process, on a database of
 * its own, with two workspaces: alder is the default one, birch the neighbour nobody of alder may see.
 */
export async function openWiredHouse(
  options: { readonly worker?: boolean } = {},
): Promise<WiredHouse> {
  const db = await testDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "purser-wired-"));
  const port = await freePort();
  const config = testConfig({ dataDir, port, databaseUrl: db.ownerUrl });
  const database: Database = {
    ownerUrl: db.ownerUrl,
    serviceUrl: db.serviceUrl,
    operatorUrl: db.operatorUrl,
    roles: "separate",
    embedded: false,
  };
  await prepareFirstStart(config, database, null);
  const superuser = new pg.Pool({ connectionString: db.superuserUrl, max: 2 });
  // Postgres says goodbye to connections that are being closed; unheard, that fails the run.
  superuser.on("error", () => undefined);
  superuser.on("connect", (client) => {
    client.on("error", () => undefined);
  });
  const birchEndpoint = await makeBirch(config, database, superuser);
  const { rows } = await superuser.query<{ id: number; slug: string }>(
    "select id, slug from workspaces order by is_default desc",
  );
  const [first, second] = rows;
  if (first === undefined || second === undefined) {
    throw new Error("Two workspaces were to be made.");
  }
  const alder = {
    ...first,
    endpoint: "stripe",
    secret: STRIPE_SECRET,
    tokens: await tokensOf(superuser, first),
  };
  const birch = {
    ...second,
    endpoint: birchEndpoint,
    secret: OTHER_SECRET,
    tokens: await tokensOf(superuser, second),
  };
  const server = await serve(config, database);
  const worker = options.worker === false ? null : await work(config, database);
  return {
    base: `http://127.0.0.1:${String(port)}`,
    port,
    config,
    database,
    superuser,
    alder,
    birch,
    stop: async () => {
      await worker?.stop();
      await server.stop();
      await superuser.end();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function makeBirch(config: Config, database: Database, superuser: pg.Pool): Promise<string> {
  await superuser.query(
    "insert into workspaces (public_id, slug, name, created_at) values ('ws_birch', 'birch', 'Birch & Sons', now())",
  );
  const house = openHouse(config, database, { process: "test", reactions: new Map() });
  const workspace = (await house.workspaces.all()).find((each) => each.slug === "birch");
  if (workspace === undefined) {
    throw new Error("birch was to be made.");
  }
  const who = {
    actor: { kind: "system", job: "test" },
    workspace,
    requestId: "test",
    ticket: null,
  } as const;
  const { publicId } = await house.run(who, (ctx) =>
    ensureEndpoint(ctx, secretBox(config), {
      provider: "stripe",
      name: "Birch's Stripe",
      publicUrl: null,
      secrets: [OTHER_SECRET],
      isDefault: false,
      livemode: null,
    }),
  );
  await house.stop();
  return publicId;
}

async function tokensOf(
  superuser: pg.Pool,
  workspace: { readonly id: number; readonly slug: string },
): Promise<Record<Role, string>> {
  const made = ROLES.map((role) => [role, `psr_${workspace.slug}_${role}_token`] as const);
  for (const [role, token] of made) {
    await superuser.query(
      `insert into api_tokens (id, workspace_id, name, prefix, secret_hash, role, source, created_at, created_by)
       values ($1, $2, $3, 'psr_', $4, $5, 'created', now(), 'test')`,
      [
        `tok_${workspace.slug}_${role}`,
        workspace.id,
        `${workspace.slug} ${role}`,
        createHash("sha256").update(token).digest(),
        role,
      ],
    );
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry per role, just made
  return Object.fromEntries(made) as Record<Role, string>;
}

export function nowSeconds(): number {
  return Math.floor(systemClock.now().getTime() / 1000);
}

export function stripeSignature(body: Buffer, secret: string, atS = nowSeconds()): string {
  const mac = createHmac("sha256", secret)
    .update(`${String(atS)}.`)
    .update(body)
    .digest("hex");
  return `t=${String(atS)},v1=${mac}`;
}

export interface Heard {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Sends one signed event as Stripe does. */
export async function deliver(
  house: Pick<WiredHouse, "base">,
  tenant: Pick<Tenant, "endpoint" | "secret">,
  event: object | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Heard> {
  const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
  const answer = await fetch(`${house.base}/api/webhooks/${tenant.endpoint}`, {
    method: "POST",
    headers: {
      "content-type": "application/json; charset=utf-8",
      "stripe-signature": stripeSignature(body, tenant.secret),
      ...headers,
    },
    body: new Uint8Array(body),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** One call of the API; `token` null for a stranger. */
export async function call(
  house: Pick<WiredHouse, "base">,
  token: string | null,
  request: {
    readonly method?: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Heard> {
  const hasBody = request.body !== undefined;
  const answer = await fetch(`${house.base}/api${request.path}`, {
    method: request.method ?? "GET",
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(hasBody ? { "content-type": "application/json" } : {}),
      ...request.headers,
    },
    ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** Asks until it is so; fails with the last answer when it takes too long. */
export async function until<T>(
  ask: () => Promise<T>,
  isSo: (answer: T) => boolean,
  withinMs = 60_000,
): Promise<T> {
  const endMs = systemClock.monotonicMs() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) {
      return answer;
    }
    if (systemClock.monotonicMs() > endMs) {
      throw new Error(
        `Not so within ${String(withinMs)} ms; the last answer: ${JSON.stringify(answer)}`,
      );
    }
    await pause(50);
  }
}

/** Until no event of the house waits to be worked off, but those that wait for a parent. */
export async function settled(house: Pick<WiredHouse, "superuser">): Promise<void> {
  await until(
    async () => {
      const { rows } = await house.superuser.query<{ n: number }>(
        "select count(*)::int as n from inbox_work where state < 2 and provider = 1",
      );
      return rows[0]?.n;
    },
    (n) => n === 0,
    20_000,
  );
}
