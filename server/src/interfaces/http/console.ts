import { existsSync } from "node:fs";
import { join } from "node:path";

import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

import { Problem, notFound } from "#platform/problem.ts";

/** Mantine sets style attributes, so inline styles are allowed; scripts come from our own files only. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves the built console; every address that is no file is the console's own, so a pasted link works. */
export function consoleRoutes(distDir: string): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("onSend", async (_request, reply) => {
      void reply.headers({
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
      });
    });
    if (!existsSync(join(distDir, "index.html"))) {
      app.get("/", async (_request, reply) => {
        await reply
          .type("text/plain")
          .send("The console is not built yet: run `npm start`, or `npm run build -w console`.\n");
      });
      return;
    }
    await app.register(fastifyStatic, {
      root: distDir,
      wildcard: false,
      preCompressed: true,
      setHeaders: (reply, path) => {
        const immutable = path.includes(join(distDir, "assets"));
        void reply.header(
          "cache-control",
          immutable ? "public, max-age=31536000, immutable" : "no-cache",
        );
      },
    });
    app.setNotFoundHandler(async (request, reply) => {
      const isPage =
        request.method === "GET" &&
        !/^\/(api|health|live|ready|metrics|assets)(\/|$)/.test(request.url);
      if (!isPage) {
        throw new Problem(notFound, `${request.method} ${request.url.split("?")[0]}`);
      }
      return reply.header("cache-control", "no-cache").sendFile("index.html");
    });
  };
}
