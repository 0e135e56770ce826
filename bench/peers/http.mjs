// The same fastify in front of three things: @supabase/stripe-sync-engine, one commit per event, nothing but the signature.
// node http.mjs <sync-engine|one-commit|verify-only> <database url>; prints {"ready":true,"port":n}.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createRequire } from "node:module";

import fastify from "fastify";
import pg from "pg";

const [mode, url] = process.argv.slice(2);
const secret = process.env.BENCH_SECRET;
const POOL = 20;

function verify(body, header) {
  const parts = Object.fromEntries(header.split(",").map((part) => part.split("=", 2)));
  const mac = createHmac("sha256", secret).update(`${parts.t}.`).update(body).digest();
  const given = Buffer.from(parts.v1 ?? "", "hex");
  return given.length === mac.length && timingSafeEqual(given, mac);
}

async function syncEngine() {
  // The CommonJS build: the other one looks for its migrations by __dirname and swallows the error.
  const { StripeSync, runMigrations } = createRequire(import.meta.url)(
    "@supabase/stripe-sync-engine",
  );
  // It reports a failed migration to its logger and goes on without tables.
  const failed = [];
  await runMigrations({
    databaseUrl: url,
    schema: "stripe",
    logger: { info() {}, error: (error) => failed.push(error) },
  });
  if (failed.length > 0) {
    throw failed[0];
  }
  const sync = new StripeSync({
    poolConfig: { connectionString: url, max: POOL },
    schema: "stripe",
    stripeSecretKey: "sk_test_bench",
    stripeWebhookSecret: secret,
    stripeApiVersion: "2026-10-28.endive",
    autoExpandLists: false,
    backfillRelatedEntities: false,
  });
  return (body, header) => sync.processWebhook(body, header);
}

async function oneCommit() {
  const pool = new pg.Pool({ connectionString: url, max: POOL });
  await pool.query(`create table if not exists one_commit (id bigint generated always as identity primary key,
    provider text not null, external_id text not null, received_at timestamptz not null default now(), body text not null,
    unique (provider, external_id)); alter table one_commit alter column body set storage external`);
  return async (body, header) => {
    if (!verify(body, header)) {
      throw new Error("wrong signature");
    }
    const text = body.toString("utf8");
    await pool.query({
      name: "insert",
      text: "insert into one_commit (provider, external_id, body) values ('stripe', $1, $2) on conflict do nothing",
      values: [JSON.parse(text).id, text],
    });
  };
}

function verifyOnly() {
  return (body, header) => {
    if (!verify(body, header)) {
      throw new Error("wrong signature");
    }
  };
}

const MODES = { "sync-engine": syncEngine, "one-commit": oneCommit, "verify-only": verifyOnly };
const handle = await MODES[mode]();
const app = fastify({ bodyLimit: 1024 * 1024 });
let told = 0;
app.setErrorHandler((error, _request, reply) => {
  told += 1;
  if (told < 5) {
    process.stderr.write(`${mode}: ${error.stack ?? error.message}\n`);
  }
  return reply.code(500).send({ error: "failed" });
});
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
  done(null, body),
);
app.post("/webhook", async (request, reply) => {
  await handle(request.body, request.headers["stripe-signature"]);
  return reply.code(200).send({ received: true });
});
const address = await app.listen({ port: 0, host: "127.0.0.1" });
process.stdout.write(`${JSON.stringify({ ready: true, port: Number(new URL(address).port) })}\n`);
process.on("SIGTERM", () => process.exit(0));
