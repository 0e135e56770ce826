import { timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";

import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";

import type { Metrics } from "#platform/metrics.ts";
import { unauthenticated } from "#platform/problem.ts";

import { type HealthRoom, health } from "./health.ts";
import type { StreamEvent, StreamHub } from "./stream.ts";

const HEARTBEAT_MS = 15_000;
/** A client that does not read is cut off rather than kept in memory; it comes back by itself. */
const MAX_UNREAD_BYTES = 256 * 1024;

export interface WatchRoutesDeps {
  readonly health: HealthRoom;
  readonly metrics: Metrics;
  /** `PURSER_METRICS_TOKEN`; null leaves the page open. */
  readonly metricsToken: string | null;
  readonly hub: StreamHub;
  /** Whether the request comes from somebody who may see the desk; asked again at every heartbeat. */
  readonly maySee: (request: FastifyRequest) => Promise<boolean>;
}

/** `/live`, `/ready`, `/health`, `/api/health`, `/metrics` and `/api/stream`. */
export function watchRoutes(deps: WatchRoutesDeps): FastifyPluginCallback {
  return (app, _options, done) => {
    const open = new Set<ServerResponse>();
    // A stream never ends by itself and is never idle: without this, closing the server would wait for its readers.
    app.addHook("preClose", async () => {
      for (const raw of open) {
        raw.end();
      }
    });
    app.get("/live", async () => ({ status: "ok" }));
    app.get("/ready", async (_request, reply) => {
      const found = await health(deps.health);
      const required = new Set(
        deps.health.checks.filter((check) => check.required).map((check) => check.name),
      );
      const reasons = found.checks
        .filter(({ name, level }) => level === "fail" && required.has(name))
        .map(({ name, sentence }) => ({ name, sentence }));
      return reply
        .status(reasons.length === 0 ? 200 : 503)
        .header("cache-control", "no-store")
        .send({ status: reasons.length === 0 ? "ready" : "not ready", reasons });
    });
    for (const path of ["/health", "/api/health"]) {
      app.get(path, async (_request, reply) => {
        const found = await health(deps.health);
        return reply
          .status(found.status === "down" ? 503 : 200)
          .header("cache-control", "no-store")
          .send(found);
      });
    }
    app.get("/metrics", async (request, reply) => {
      if (!mayScrape(request, deps.metricsToken)) {
        return refuse(reply);
      }
      return reply
        .type("text/plain; version=0.0.4; charset=utf-8")
        .send(await deps.metrics.render());
    });
    app.get("/api/stream", async (request, reply) => {
      if (!(await deps.maySee(request))) {
        return refuse(reply);
      }
      open.add(reply.raw);
      reply.raw.on("close", () => open.delete(reply.raw));
      stream(deps, request, reply);
      return reply;
    });
    done();
  };
}

function refuse(reply: FastifyReply): FastifyReply {
  return reply
    .status(unauthenticated.status)
    .header("www-authenticate", "Bearer")
    .type("application/problem+json")
    .send({
      type: `/docs/problems#${unauthenticated.code}`,
      title: unauthenticated.title,
      status: unauthenticated.status,
      code: unauthenticated.code,
      requestId: reply.request.id,
    });
}

function mayScrape(request: FastifyRequest, token: string | null): boolean {
  if (token === null) {
    return true;
  }
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function lastEventId(request: FastifyRequest): string | null {
  const header = request.headers["last-event-id"];
  return typeof header === "string" && header !== "" ? header : null;
}

/** Server-sent events (WHATWG HTML 9.2): one named event per topic, comments as heartbeat. */
function stream(deps: WatchRoutesDeps, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-request-id": request.id,
  });
  const write = (text: string): void => {
    if (!raw.writableEnded && !raw.write(text) && raw.writableLength > MAX_UNREAD_BYTES) {
      raw.destroy();
    }
  };
  write("retry: 2000\n: welcome\n\n");
  const stop = deps.hub.subscribe(lastEventId(request), (event: StreamEvent) => {
    write(`id: ${event.id}\nevent: ${event.topic}\ndata: {}\n\n`);
  });
  const heartbeat = setInterval(() => {
    write(": still here\n\n");
    deps.maySee(request).then(
      (still) => {
        if (!still) {
          raw.end();
        }
      },
      () => undefined, // the database is away: nobody was signed out by that
    );
  }, HEARTBEAT_MS);
  heartbeat.unref();
  raw.on("close", () => {
    clearInterval(heartbeat);
    stop();
  });
  raw.on("error", () => undefined); // a client that went away; 'close' follows
}
