import { join } from "node:path";

import type { FastifyInstance } from "fastify";

import { createAuthenticate, requirePermission } from "#domains/access/identify.ts";
import { accessRoutes } from "#domains/access/routes.ts";
import { openAnchorFiles } from "#domains/audit/anchors.ts";
import { openSealVerifier } from "#domains/audit/keys.ts";
import { recordChanges } from "#domains/billing/explain.queries.ts";
import { type OpenIntake, openIntake, type OpenIntakeOptions } from "#domains/inbox/open-intake.ts";
import { inboxRoutes } from "#domains/inbox/routes.ts";
import { openQuotaEngine } from "#domains/quotas/engine.ts";
import { ENTITLEMENTS_CHANNEL, openEntitlementCache } from "#domains/quotas/entitlements.ts";
import { conflictsCheck, databaseCheck, nodesCheck, sealCheck } from "#domains/watch/checks.ts";
import {
  collectInstallation,
  inboxFlushMetrics,
  quotaFlushMetrics,
} from "#domains/watch/collectors.ts";
import type { HealthRoom } from "#domains/watch/health.ts";
import { watchRoutes } from "#domains/watch/routes.ts";
import { databaseSources } from "#domains/watch/sources.ts";
import { openStreamHub } from "#domains/watch/stream.ts";
import { consoleRoutes } from "#interfaces/http/console.ts";
import { operationRoutes } from "#interfaces/http/operations.ts";
import { openHttp } from "#interfaces/http/server.ts";
import { type Config, PROJECT_ROOT } from "#platform/config/env.ts";
import { openListener } from "#platform/db/listener.ts";
import { type Metrics, openMetrics } from "#platform/metrics.ts";
import { ensureQueues } from "#platform/queue/boss.ts";

import { openAccess } from "./access.ts";
import { auditFolders } from "./audit-folders.ts";
import { providersOf } from "./billing.ts";
import type { Database } from "./database.ts";
import { type House, openHouse } from "./house.ts";
import { REACTIONS, REACTION_TABLE, boundOperations, handlersOf } from "./rooms.ts";
import { secretBox } from "./secrets.ts";
import { SOURCES } from "./sources.ts";
import { VERSION } from "./version.ts";

interface Part {
  readonly stop: () => Promise<void>;
}

/** The HTTP side of the program: webhook routes, and unless told otherwise the API and the console too. */
export async function serve(
  config: Config,
  database: Database,
  options: { readonly intakeOnly?: boolean } = {},
): Promise<{ stop(): Promise<void> }> {
  const name = options.intakeOnly === true ? "intake" : "serve";
  const house = openHouse(config, database, { process: name, reactions: REACTION_TABLE });
  const app = openHttp({
    clock: house.clock,
    log: house.log,
    trustedProxies: config.trustedProxies,
  });
  const parts: Part[] = [];
  const metrics = openMetrics();
  const intake = await hangIntake(house, app, {
    nodeId: `${name}-${config.port}`,
    onFlush: inboxFlushMetrics(metrics),
  });
  await (options.intakeOnly === true
    ? hangWatch(house, app, { parts, metrics, maySee: async () => false })
    : hangDesk(house, app, { parts, metrics }));
  const stop = async (): Promise<void> => {
    await app.close();
    await intake.stop();
    await Promise.all(parts.map((part) => part.stop()));
    await house.stop();
  };
  try {
    await app.listen({ port: config.port, host: config.host });
  } catch (error) {
    // Pools and timers left open would keep the process for ever.
    await stop();
    throw error;
  }
  return { stop };
}

async function hangIntake(
  house: House,
  app: FastifyInstance,
  of: Pick<OpenIntakeOptions, "nodeId" | "onFlush">,
): Promise<OpenIntake> {
  const { clock, config, log } = house;
  const intake = await openIntake({
    ...of,
    pool: house.pool("purser_intake"),
    dataDir: config.dataDir,
    clock,
    log,
    secrets: secretBox(config),
    sources: SOURCES,
    audit: async (line) => {
      const workspace = await house.workspaces.byId(line.workspaceId);
      await house.run(
        {
          actor: { kind: "provider", provider: line.provider },
          workspace,
          requestId: house.nodeId,
          ticket: null,
        },
        (ctx) =>
          ctx.audit({
            action: "webhook.invalid_signature",
            subject: { kind: "endpoint", id: String(line.endpointId) },
            detail: { refusal: line.refusal, detail: line.detail, count: line.count },
          }),
      );
    },
  });
  await app.register(inboxRoutes({ intake: intake.intake, log, publicUrl: config.publicUrl }));
  return intake;
}

function healthOf(house: House): HealthRoom {
  const pool = house.pool("purser_app");
  return {
    version: VERSION,
    startedAt: house.clock.now(),
    clock: house.clock,
    checks: [
      databaseCheck(pool),
      nodesCheck(pool, house.clock),
      conflictsCheck(pool, house.clock),
      sealCheck(pool, house.clock),
    ],
  };
}

interface Desk {
  readonly parts: Part[];
  readonly metrics: Metrics;
}

type MaySee = Parameters<typeof watchRoutes>[0]["maySee"];

async function hangWatch(
  house: House,
  app: FastifyInstance,
  { parts, metrics, maySee }: Desk & { maySee: MaySee },
): Promise<HealthRoom> {
  collectInstallation(metrics, house.pool("purser_worker"), house.clock);
  const hub = openStreamHub({
    pool: house.pool("purser_app"),
    onError: (error) => {
      house.log.warn({ err: error }, "the stream cannot look at the database");
    },
  });
  parts.push({
    stop: async () => {
      hub.close();
    },
  });
  const listener = openListener({ url: house.database.serviceUrl, applicationName: "purser ear" });
  listener.on("purser_inbox", () => hub.hint("inbox"));
  void listener.start();
  parts.push(listener);
  const health = healthOf(house);
  await app.register(
    watchRoutes({ health, metrics, metricsToken: house.config.metricsToken, hub, maySee }),
  );
  return health;
}

async function hangDesk(
  house: House,
  app: FastifyInstance,
  { parts, metrics }: Desk,
): Promise<void> {
  const { clock, config } = house;
  // An operation may announce before any worker has ever run here. A database that is away is the worker's to wait for.
  await ensureQueues(house.pool("purser_jobs"), [...REACTIONS, ...handlersOf(house)]).catch(
    (error: unknown) => {
      house.log.warn({ err: error }, "the queues could not be declared yet");
    },
  );
  const { auth, identify } = openAccess(house);
  const authenticate = createAuthenticate(identify);
  const health = await hangWatch(house, app, {
    parts,
    metrics,
    maySee: async (request) => (await authenticate(request)) !== null,
  });
  const cache = openEntitlementCache(clock);
  const listener = openListener({
    url: house.database.serviceUrl,
    applicationName: "purser entitlements",
  });
  listener.on(ENTITLEMENTS_CHANNEL, (payload) => {
    cache.heard(payload);
  });
  void listener.start();
  parts.push(listener);
  const folders = auditFolders(config);
  const operations = boundOperations({
    access: { auth, authPool: house.pool("purser_auth") },
    audit: {
      verifier: openSealVerifier(folders.keys),
      anchors: openAnchorFiles(folders.anchors, clock),
    },
    inbox: { secrets: secretBox(config), changesOf: recordChanges },
    billing: { providerOf: providersOf(house) },
    quotas: {
      engine: openQuotaEngine({
        pool: house.pool("purser_app"),
        clock,
        onFlush: quotaFlushMetrics(metrics),
      }),
      cache,
    },
    watch: { sources: databaseSources, health },
  });
  await app.register(accessRoutes(identify));
  await app.register(
    operationRoutes({
      operations,
      authenticate,
      permit: requirePermission,
      runFor:
        ({ actor, workspace }, { id, ticket }) =>
        (work) =>
          house.run({ actor, workspace, requestId: id, ticket }, work),
      log: house.log,
      version: VERSION,
      publicUrl: config.publicUrl,
    }),
  );
  await app.register(consoleRoutes(join(PROJECT_ROOT, "console/dist")));
}
