import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

import Fastify, { type FastifyInstance } from "fastify";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { systemClock } from "#platform/clock.ts";
import { openPool } from "#platform/db/pool.ts";
import { openMetrics } from "#platform/metrics.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { conflictsCheck, databaseCheck, nodesCheck, sealCheck } from "./checks.ts";
import { collectInstallation, inboxFlushMetrics } from "./collectors.ts";
import type { HealthRoom } from "./health.ts";
import { type WatchRoutesDeps, watchRoutes } from "./routes.ts";
import { type StreamHub, openStreamHub } from "./stream.ts";

let db: TestDatabase;
let pool: pg.Pool;
let hub: StreamHub;
let app: FastifyInstance;
let away: FastifyInstance;
let port: number;
let maySee = true;

function room(of: pg.Pool): HealthRoom {
  return {
    version: "1.2.3",
    startedAt: systemClock.now(),
    clock: systemClock,
    checks: [
      databaseCheck(of),
      nodesCheck(of, systemClock),
      conflictsCheck(of, systemClock),
      sealCheck(of, systemClock),
    ],
  };
}
function portOf(of: FastifyInstance): number {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address is one
  return (of.server.address() as AddressInfo).port;
}
async function serve(
  deps: Partial<WatchRoutesDeps>,
  options: { readonly forceCloseConnections: true | "idle" } = { forceCloseConnections: true },
): Promise<FastifyInstance> {
  const metrics = openMetrics();
  collectInstallation(metrics, pool, systemClock);
  const made = Fastify(options);
  await made.register(
    watchRoutes({
      health: room(pool),
      metrics,
      metricsToken: null,
      hub,
      maySee: async () => maySee,
      ...deps,
    }),
  );
  return made;
}
function openAs(role: string, url: string): pg.Pool {
  return openPool({
    url,
    role,
    max: 3,
    applicationName: "test",
    connectTimeoutMs: 1_000,
    onError: () => undefined,
  });
}

beforeAll(async () => {
  db = await testDatabase();
  pool = openAs("purser_worker", db.serviceUrl);
  hub = openStreamHub({ pool, onError: () => undefined });
  app = await serve({ metricsToken: "scrape-me-please" });
  await app.listen({ port: 0, host: "127.0.0.1" });
  port = portOf(app);
  const nowhere = openAs("purser_worker", "postgres://nobody@127.0.0.1:1/none");
  away = await serve({ health: room(nowhere) });
});
afterAll(async () => {
  hub.close();
  await app.close();
  await away.close();
  await pool.end();
});

/** Reads the stream until `enough` says so; the sockets' own events wake it, no timer. */
async function listen(
  headers: Record<string, string>,
  enough: (text: string) => boolean,
  then?: () => Promise<void>,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const asked = httpRequest(
    { host: "127.0.0.1", port, path: "/api/stream", headers },
    (response) => {
      expect(response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const first = text === "";
        text += chunk;
        if (first && then !== undefined) {
          then().catch(reject);
        }
        if (enough(text)) {
          asked.destroy();
          resolve(text);
        }
      });
    },
  );
  asked.on("error", (error) => {
    if (!enough(text)) {
      reject(error);
    }
  });
  asked.end();
  return promise;
}

describe("health", () => {
  it("is alive and ready with Postgres, and says what is missing", async () => {
    expect((await app.inject("/live")).statusCode).toBe(200);
    expect((await app.inject("/ready")).json()).toEqual({ status: "ready", reasons: [] });
    for (const path of ["/health", "/api/health"]) {
      const answer = await app.inject(path);
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ status: "degraded", version: "1.2.3" });
      expect(
        answer
          .json()
          .checks.map((check: { name: string; level: string }) => [check.name, check.level]),
      ).toEqual([
        ["database", "ok"],
        ["inbox", "warn"],
        ["conflicts", "ok"],
        ["audit", "warn"],
      ]);
    }
  });

  it("without Postgres is alive, not ready, and names the reason without telling its address", async () => {
    expect((await away.inject("/live")).statusCode).toBe(200);
    const ready = await away.inject("/ready");
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toEqual({
      status: "not ready",
      reasons: [{ name: "database", sentence: "Does not answer" }],
    });
    const answer = await away.inject("/health");
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/);
  });
});

describe("the metrics page", () => {
  it("wants its token and then shows the inbox, the audit log and the process", async () => {
    expect((await app.inject("/metrics")).statusCode).toBe(401);
    const headers = { authorization: "Bearer scrape-me-please" };
    const answer = await app.inject({ url: "/metrics", headers });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toContain("version=0.0.4");
    expect(answer.body).toContain('purser_collector_up{collector="inbox"} 1');
    expect(answer.body).toContain('purser_collector_up{collector="audit"} 1');
    expect(answer.body).toContain("purser_spool_events 0");
    expect(answer.body).toMatch(/process_resident_memory_bytes \d+/);
  });
});

describe("the figures of the inbox", () => {
  it("has what workers did, who answer no HTTP themselves (the page had nothing of theirs)", async () => {
    await pool.query(
      "insert into inbox_nodes (id, kind, seen_at, figures) values ('w-1', 'worker', now(), $1)",
      [{ settled: 12, failed: 1, batches: 3, batchMs: 250, lostLeases: 0, budget: 500 }],
    );
    const metrics = openMetrics();
    collectInstallation(metrics, pool, systemClock);
    inboxFlushMetrics(metrics)({ events: 3, ms: 4, fates: { new: 2, "turned away": 1 } });
    const page = await metrics.render();
    await pool.query("delete from inbox_nodes");
    for (const line of [
      'purser_worker_settled_total{worker="w-1"} 12',
      'purser_worker_failed_total{worker="w-1"} 1',
      'purser_worker_batch_seconds_total{worker="w-1"} 0.25',
      'purser_worker_batch_budget{worker="w-1"} 500',
      "purser_inbox_flush_events_sum 3",
      'purser_inbox_flush_seconds_bucket{le="0.005"} 1',
      'purser_inbox_stored_total{fate="turned away"} 1',
      "purser_spool_damaged_files 0",
    ]) {
      expect(page).toContain(line);
    }
  });
});

describe("the stream", () => {
  it("is closed to strangers", async () => {
    maySee = false;
    expect((await app.inject("/api/stream")).statusCode).toBe(401);
    maySee = true;
  });

  it("tells a client that comes back after nobody listened that everything may have changed", async () => {
    const text = await listen(
      {},
      (seen) => seen.includes("event: jobs"),
      async () => hub.hint("jobs"),
    );
    const id = /id: (\S+)/.exec(text)?.[1] ?? "";
    await expect.poll(() => hub.clients()).toBe(0);
    const again = await listen({ "last-event-id": id }, (seen) => seen.includes("event: controls"));
    expect(again).toContain("event: inbox");
  });

  it("tells of a hint by its topic, and a client that comes back of what it missed", async () => {
    const stay = hub.subscribe(null, () => undefined);
    const text = await listen(
      {},
      (seen) => seen.includes("event: inbox"),
      async () => hub.hint("inbox"),
    );
    const id = /id: (\S+)/.exec(text)?.[1] ?? "";
    expect(text).toContain("retry: 2000");
    const quiet = listen(
      { "last-event-id": id },
      (seen) => seen.includes("event: jobs"),
      async () => hub.hint("jobs"),
    );
    expect(await quiet).not.toContain("event: inbox");
    const again = await listen({ "last-event-id": id }, (seen) => seen.includes("event: jobs"));
    expect(again).not.toContain("event: inbox");
    stay();
  });

  it("tells a client of another process that everything may have changed", async () => {
    const text = await listen({ "last-event-id": "00000000-5" }, (seen) =>
      seen.includes("event: controls"),
    );
    for (const topic of ["inbox", "record", "jobs", "controls"]) {
      expect(text).toContain(`event: ${topic}`);
    }
  });

  it("ends when the server closes, instead of holding it up", async () => {
    const closing = await serve({}, { forceCloseConnections: "idle" });
    await closing.listen({ port: 0, host: "127.0.0.1" });
    const ended = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    httpRequest({ host: "127.0.0.1", port: portOf(closing), path: "/api/stream" }, (response) => {
      response.on("data", () => begun.resolve());
      response.on("end", () => ended.resolve());
    }).end();
    await begun.promise;
    await closing.close();
    await ended.promise;
    await expect.poll(() => hub.clients()).toBe(0);
  });

  it("sees what anybody writes, psql included", async () => {
    const text = await listen(
      {},
      (seen) => seen.includes("event: record"),
      async () => {
        await hub.poll();
        const owner = new pg.Client({ connectionString: db.superuserUrl });
        await owner.connect();
        await owner.query(
          "insert into workspaces (public_id, slug, name, created_at) values ('ws_s', 's', 's', now())",
        );
        await owner.query("select set_config('purser.workspaces', '{1}', false)");
        await owner.query(
          "insert into organizations (id, workspace_id, name, created_at, updated_at) select 'org_s', id, 's', now(), now() from workspaces where slug = 's'",
        );
        await owner.end(); // its counters are told when it leaves
      },
    );
    expect(text).toContain("event: record");
  });
});
