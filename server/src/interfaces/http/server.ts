import type { Server } from "node:http";

import Fastify, { type FastifyInstance } from "fastify";

import type { Clock } from "#platform/clock.ts";
import { MAX_BODY_BYTES, SERVER_LIMITS } from "#platform/http-limits.ts";
import { newId } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";
import { Problem } from "#platform/problem.ts";

import { problemDocument } from "./problems.ts";

/** Once told to end: how soon a connection whose answer is out is let go, and when all others are (F54). */
const LET_GO_MS = 50;
const DRAIN_MS = 8_000;

/** A Fastify instance with the house's limits, request ids and error pages, and nothing hung on it yet. */
export function openHttp(options: {
  clock: Clock;
  log: Log;
  trustedProxies: readonly string[];
}): FastifyInstance {
  const app = Fastify({
    logger: false,
    ...SERVER_LIMITS,
    bodyLimit: MAX_BODY_BYTES,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    genReqId: () => newId("req", options.clock.now()),
    forceCloseConnections: "idle",
  });
  app.addHook("onRequest", (request, reply, next) => {
    if (hostsIn(request.raw.rawHeaders) <= 1) {
      next();
      return;
    }
    // Node keeps the first of two hosts in silence, a proxy before us perhaps the second (F20).
    const refused = new Problem(
      { code: "platform/http-400", status: 400, title: "The request cannot be read." },
      "It names two hosts.",
    );
    void reply
      .code(400)
      .header("connection", "close")
      .type("application/problem+json")
      .send(problemDocument(refused, request.id));
  });
  app.addHook("preClose", (done) => {
    letGo(app.server);
    done();
  });
  // With a callback: a promise for every answer costs a webhook more than the hook itself.
  app.addHook("onSend", (request, reply, payload, next) => {
    void reply.header("x-request-id", request.id);
    const type = reply.getHeader("content-type");
    // oRPC encodes our problem documents as plain JSON; RFC 9457 names them.
    if (
      reply.statusCode >= 400 &&
      typeof type === "string" &&
      type.startsWith("application/json")
    ) {
      void reply.header("content-type", "application/problem+json; charset=utf-8");
    }
    next(null, payload);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const document = problemDocument(error, request.id);
    if (document.status >= 500) {
      options.log.error({ err: error, requestId: request.id, url: request.url }, "request failed");
    }
    const retryAfter = document["retryAfterSeconds"];
    if (typeof retryAfter === "number") {
      void reply.header("retry-after", String(retryAfter));
    }
    await reply.status(document.status).type("application/problem+json").send(document);
  });
  return app;
}

/** Node closes what is idle when the end begins, and then waits out the keep-alive of what was busy at that moment. */
function letGo(server: Server): void {
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, LET_GO_MS);
  const rest = setTimeout(() => {
    server.closeAllConnections();
  }, DRAIN_MS);
  server.once("close", () => {
    clearInterval(idle);
    clearTimeout(rest);
  });
}

function hostsIn(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === "host") {
      hosts += 1;
    }
  }
  return hosts;
}
