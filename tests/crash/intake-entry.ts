// A real intake process for the crash tests. Prints its port when it listens.
import fastify from "fastify";

import { openIntake } from "../../server/src/domains/inbox/open-intake.ts";
import { inboxRoutes } from "../../server/src/domains/inbox/routes.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";
import { SERVER_LIMITS } from "../../server/src/platform/http-limits.ts";
import { openLog } from "../../server/src/platform/log.ts";
import { paddleWebhooks } from "../../server/src/providers/paddle/verify-source.ts";
import { stripeWebhooks } from "../../server/src/providers/stripe/verify-source.ts";
import { twilioWebhooks } from "../../server/src/providers/twilio/verify-source.ts";
import { configOfThisChild, plainSecrets } from "./wire.ts";

const config = configOfThisChild();
const log = openLog({ level: "error", name: config.name });
const pool = openPool({
  url: config.url,
  role: "purser_intake",
  max: 4,
  applicationName: config.name,
  statementTimeoutMs: 3_000,
  connectTimeoutMs: 1_000,
  onError: () => undefined,
});
const opened = await openIntake({
  nodeId: config.name,
  pool,
  dataDir: config.dir,
  clock: systemClock,
  log,
  secrets: plainSecrets,
  sources: [stripeWebhooks, paddleWebhooks, twilioWebhooks],
  audit: null,
  reserveBytes: 1024 * 1024,
});
const app = fastify({ ...SERVER_LIMITS, logger: false });
await app.register(inboxRoutes({ intake: opened.intake, log, publicUrl: null }));
await app.listen({ port: config.port, host: "127.0.0.1" });
const address = app.server.address();
process.stdout.write(
  `${JSON.stringify({ port: typeof address === "object" ? address?.port : 0 })}\n`,
);

process.on("SIGTERM", () => {
  void (async () => {
    await app.close();
    await opened.stop();
    await pool.end();
    process.exitCode = 0;
  })();
});
