import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fastify, { type FastifyInstance } from "fastify";
import pg from "pg";
import { afterAll } from "vitest";

import { openIntake, type OpenIntake } from "#domains/inbox/open-intake.ts";
import { inboxRoutes } from "#domains/inbox/routes.ts";
import { type MovableClock, movableClock } from "#platform/clock.ts";
import { openPool } from "#platform/db/pool.ts";
import { SERVER_LIMITS } from "#platform/http-limits.ts";
import { type Log, openLog } from "#platform/log.ts";
import { testDatabase } from "#platform/testing/database.ts";
import { paddleWebhooks } from "#providers/paddle/verify-source.ts";
import { stripeWebhooks } from "#providers/stripe/verify-source.ts";
import { twilioWebhooks } from "#providers/twilio/verify-source.ts";

const TEST_NOW = new Date("2026-11-21T10:00:00Z");
export const STRIPE_SECRET = "whsec_test_current_0001";
export const STRIPE_OLD_SECRET = "whsec_test_old_0000002";
export const PADDLE_SECRET = "pdl_ntfset_test_0001";
export const TWILIO_TOKEN = "twilio_test_token_0001";
export const TWILIO_URL = "https://desk.example.test/api/webhooks/twilio";

const silent = (): undefined => undefined;
/** Below the level of everything: says nothing. */
export const silentLog: Log = openLog({ level: "silent", name: "test" });

export interface TestInbox {
  readonly app: FastifyInstance;
  readonly port: number;
  readonly opened: OpenIntake;
  /** Sees everything, bound by nothing. */
  readonly admin: pg.Pool;
  readonly worker: pg.Pool;
  readonly clock: MovableClock;
  readonly serviceUrl: string;
  readonly refusals: { readonly refusal: string; readonly count: number }[];
  rows<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** The inbox on a database of this test file's own: intake behind a real socket, two workspaces, an endpoint of each provider. */
export async function openTestInbox(): Promise<TestInbox> {
  const database = await testDatabase();
  const admin = new pg.Pool({ connectionString: database.superuserUrl, max: 4 });
  admin.on("error", silent);
  await seed(admin);
  const clock = movableClock(TEST_NOW);
  const dir = mkdtempSync(join(tmpdir(), "purser-inbox-"));
  const pool = (role: string, max: number): pg.Pool =>
    openPool({ url: database.serviceUrl, role, max, applicationName: role, onError: silent });
  const intakePool = pool("purser_intake", 4);
  const worker = pool("purser_worker", 10);
  const refusals: TestInbox["refusals"] = [];
  const opened = await openIntake({
    nodeId: "intake-test",
    pool: intakePool,
    dataDir: dir,
    clock,
    log: silentLog,
    secrets: { seal: (plain) => plain, open: (sealed) => sealed },
    sources: [stripeWebhooks, paddleWebhooks, twilioWebhooks],
    audit: async (line) => {
      refusals.push({ refusal: line.refusal, count: line.count });
    },
    reserveBytes: 65_536,
  });
  const app = fastify({ ...SERVER_LIMITS, logger: false });
  await app.register(inboxRoutes({ intake: opened.intake, log: silentLog, publicUrl: null }));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = app.server.address();
  afterAll(async () => {
    await app.close();
    await opened.stop();
    await Promise.all([intakePool.end(), worker.end(), admin.end()]);
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    app,
    port: typeof address === "object" && address !== null ? address.port : 0,
    opened,
    admin,
    worker,
    clock,
    serviceUrl: database.serviceUrl,
    refusals,
    rows: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await admin.query<Row>(text, values)).rows,
  };
}

async function seed(admin: pg.Pool): Promise<void> {
  await admin.query(`
    insert into workspaces (public_id, slug, name, is_default, created_at)
      values ('ws_one', 'one', 'One', true, now()), ('ws_two', 'two', 'Two', false, now());
    insert into endpoints (public_id, workspace_id, provider, name, is_default, livemode, public_url, created_at)
      select v.id, w.id, v.provider, v.name, v.def, v.live, v.url, now() from (values
        ('ep_stripe', 'one', 'stripe', 'Stripe', true, null::boolean, null), ('ep_paddle', 'one', 'paddle', 'Paddle', true, null, null),
        ('ep_twilio', 'one', 'twilio', 'Twilio', true, null, '${TWILIO_URL}'),
        ('ep_live', 'one', 'stripe', 'Live', false, true, null), ('ep_two', 'two', 'stripe', 'Stripe', false, null, null)
      ) as v (id, slug, provider, name, def, live, url) join workspaces w on w.slug = v.slug;
    insert into endpoint_secrets (endpoint_id, workspace_id, no, sealed, hint, not_before, not_after, created_at)
      select e.id, e.workspace_id, s.no, s.secret, right(s.secret, 4), '2020-01-01', s.until, now() from endpoints e join (values
        ('stripe', 1, '${STRIPE_SECRET}', null::timestamptz), ('stripe', 2, '${STRIPE_OLD_SECRET}', '2026-11-22T00:00:00Z'),
        ('paddle', 1, '${PADDLE_SECRET}', null), ('twilio', 1, '${TWILIO_TOKEN}', null)
      ) as s (provider, no, secret, until) on s.provider = e.provider`);
}

export function stripeBody(event: {
  readonly id: string;
  readonly type?: string;
  readonly customer?: string;
  readonly livemode?: boolean;
  readonly extra?: unknown;
}): Buffer {
  return Buffer.from(
    JSON.stringify({
      id: event.id,
      object: "event",
      api_version: "2026-08-27.clover",
      created: TEST_NOW.getTime() / 1000 - 5,
      livemode: event.livemode ?? false,
      pending_webhooks: 1,
      type: event.type ?? "invoice.paid",
      data: {
        object: {
          id: `in_${event.id}`,
          object: "invoice",
          customer: event.customer ?? "cus_1",
          extra: event.extra ?? null,
        },
      },
    }),
  );
}

export function stripeHeaders(
  body: Buffer,
  clock: MovableClock,
  secret: string = STRIPE_SECRET,
): Record<string, string> {
  const atS = Math.floor(clock.now().getTime() / 1000);
  const mac = createHmac("sha256", secret)
    .update(`${String(atS)}.`)
    .update(body)
    .digest("hex");
  return { "content-type": "application/json", "stripe-signature": `t=${String(atS)},v1=${mac}` };
}

export async function postStripe(
  inbox: TestInbox,
  body: Buffer,
  options: { readonly endpoint?: string; readonly secret?: string } = {},
): Promise<number> {
  const answer = await fetch(
    `http://127.0.0.1:${String(inbox.port)}/api/webhooks/${options.endpoint ?? "stripe"}`,
    {
      method: "POST",
      headers: stripeHeaders(body, inbox.clock, options.secret),
      body: new Uint8Array(body),
    },
  );
  await answer.arrayBuffer();
  return answer.status;
}
