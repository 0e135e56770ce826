import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";

import { requirePermission } from "#domains/access/identify.ts";
import { type Shelf, openShelf } from "#interfaces/testing/shelf.ts";
import { movableClock } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import type { Run } from "#platform/operation/bound.ts";
import type { Role } from "#platform/operation/roles.ts";

import { operationRoutes } from "./operations.ts";
import { openHttp } from "./server.ts";

const clock = movableClock(new Date("2026-11-21T03:00:00Z"));
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const log = { ...silent, child: () => log } as unknown as Parameters<typeof openHttp>[0]["log"]; // oxlint-disable-line typescript/no-unsafe-type-assertion -- a logger that says nothing

// The shelf needs nothing of its context.
const noCtx = {} as Ctx; // oxlint-disable-line typescript/no-unsafe-type-assertion -- see above
const run: Run = (work) => work(noCtx);

let app: FastifyInstance | null = null;
afterEach(async () => {
  await app?.close();
});

async function open(role: Role | null): Promise<{ app: FastifyInstance; shelf: Shelf }> {
  const shelf = openShelf();
  app = openHttp({ clock, log, trustedProxies: [] });
  await app.register(
    operationRoutes({
      operations: shelf.operations,
      authenticate: async () =>
        role === null
          ? null
          : {
              actor: { kind: "token", id: "tok_1", name: "test", role },
              role,
              workspace: { id: 1, publicId: "ws_1", slug: "one" },
              scopes: [],
            },
      permit: requirePermission,
      runFor: () => run,
      log,
      version: "0.0.0",
      publicUrl: "http://127.0.0.1:1",
    }),
  );
  await app.ready();
  return { app, shelf };
}

describe("an operation over HTTP", () => {
  it("answers 200 with what its output promises", async () => {
    const { app: http } = await open("viewer");
    const reply = await http.inject("/api/books?limit=2");
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ items: [{ id: "b1" }, { id: "b2" }], nextCursor: null });
    expect(reply.headers["x-request-id"]).toMatch(/^req_/);
  });

  it("answers 400 with a pointer for each field that is wrong, and changes nothing", async () => {
    const { app: http, shelf } = await open("owner");
    const reply = await http.inject({
      method: "POST",
      url: "/api/books/b1/remove",
      payload: { copies: 0, price: 1 },
    });
    expect(reply.statusCode).toBe(400);
    expect(reply.headers["content-type"]).toContain("application/problem+json");
    expect(reply.json()).toMatchObject({
      code: "platform/invalid-input",
      requestId: expect.stringMatching(/^req_/),
    });
    expect(reply.body).toContain("/copies");
    expect(reply.body).toContain("price");
    expect(shelf.copies.get("b1")).toBe(3);
  });

  it("answers 400 to a parameter given twice where one is meant", async () => {
    const { app: http } = await open("viewer");
    expect((await http.inject("/api/books?limit=1&limit=2")).statusCode).toBe(400);
  });

  it("answers 401 to a stranger and 403 to a role that may not, each as a problem", async () => {
    const stranger = await (await open(null)).app.inject("/api/books");
    expect([stranger.statusCode, stranger.json<{ code: string }>().code]).toEqual([
      401,
      "platform/unauthenticated",
    ]);
    await app?.close();
    const viewer = await (
      await open("viewer")
    ).app.inject({ method: "POST", url: "/api/books/b1/remove", payload: { copies: 1 } });
    expect([viewer.statusCode, viewer.json<{ code: string }>().code]).toEqual([
      403,
      "platform/forbidden",
    ]);
  });

  it("answers 404 to a path that is no operation", async () => {
    const reply = await (await open("owner")).app.inject("/api/nothing");
    expect([reply.statusCode, reply.json<{ code: string }>().code]).toEqual([
      404,
      "platform/not-found",
    ]);
  });

  it("answers 409 with the room's own refusal", async () => {
    const { app: http } = await open("owner");
    const reply = await http.inject({
      method: "POST",
      url: "/api/books/b2/remove",
      payload: { copies: 2 },
      headers: { "purser-preview-hash": "of another time" },
    });
    expect(reply.json()).toMatchObject({
      status: 409,
      code: "books/too-many",
      detail: "b2 has 1.",
    });
  });

  it("answers 500 without a word of the inner error", async () => {
    const { app: http, shelf } = await open("viewer");
    shelf.copies[Symbol.iterator] = () => {
      throw new Error("password=hunter2");
    };
    const reply = await http.inject("/api/books");
    expect(reply.statusCode).toBe(500);
    expect(reply.body).not.toContain("hunter2");
    expect(reply.json()).toMatchObject({ code: "platform/internal" });
  });
});

describe("a preview", () => {
  it("shows what the act would do and changes nothing", async () => {
    const { app: http, shelf } = await open("owner");
    const reply = await http.inject({
      method: "POST",
      url: "/api/preview/books.remove",
      payload: { id: "b1", copies: 2 },
    });
    expect(reply.json()).toMatchObject({
      operation: "books.remove",
      summary: "Remove 2 of b1",
      rows: 1,
      changes: [{ before: { copies: 3 }, after: { copies: 1 } }],
    });
    expect(shelf.copies.get("b1")).toBe(3);
  });

  it("lets the act happen while it is still true, and refuses with the new one when it is not", async () => {
    const { app: http, shelf } = await open("owner");
    const preview = await http.inject({
      method: "POST",
      url: "/api/preview/books.remove",
      payload: { id: "b1", copies: 1 },
    });
    const act = () =>
      http.inject({
        method: "POST",
        url: "/api/books/b1/remove",
        payload: { copies: 1 },
        headers: { "purser-preview-hash": preview.json<{ hash: string }>().hash },
      });
    const first = await act();
    expect(first.json()).toMatchObject({ id: "b1", left: 2 });
    expect(first.headers).toMatchObject({ "books-left": "2" });
    const second = await act();
    expect(second.json()).toMatchObject({
      status: 409,
      code: "platform/stale-preview",
      preview: { changes: [{ before: { copies: 2 } }] },
    });
    expect(shelf.copies.get("b1")).toBe(2);
  });

  it("binds the whole input: an act with a field more or less than was previewed is refused", async () => {
    const { app: http, shelf } = await open("owner");
    const preview = await http.inject({
      method: "POST",
      url: "/api/preview/books.remove",
      payload: { note: "water damage", copies: 1, id: "b1" },
    });
    const act = (payload: object) =>
      http.inject({
        method: "POST",
        url: "/api/books/b1/remove",
        payload,
        headers: { "purser-preview-hash": preview.json<{ hash: string }>().hash },
      });
    const shorter = await act({ copies: 1 });
    expect(shorter.json()).toMatchObject({ status: 409, code: "platform/stale-preview" });
    expect(shelf.copies.get("b1")).toBe(3);
    expect((await act({ copies: 1, note: "water damage" })).statusCode).toBe(200);
  });

  it("is owed for a dangerous act: without its hash the act is refused, with the way to get it", async () => {
    const { app: http, shelf } = await open("owner");
    const reply = await http.inject({
      method: "POST",
      url: "/api/books/b1/remove",
      payload: { copies: 1 },
    });
    expect(reply.json()).toMatchObject({
      status: 428,
      code: "platform/preview-required",
      detail: expect.stringContaining("/api/preview/books.remove"),
    });
    expect(shelf.copies.get("b1")).toBe(3);
  });

  it("is refused to a role that may not act", async () => {
    const { app: http } = await open("viewer");
    const reply = await http.inject({
      method: "POST",
      url: "/api/preview/books.remove",
      payload: { id: "b1", copies: 1 },
    });
    expect(reply.statusCode).toBe(403);
  });
});

describe("the OpenAPI document", () => {
  it("names every operation with its path and schema", async () => {
    const { app: http } = await open(null);
    const document = (await http.inject("/api/openapi.json")).json<{
      openapi: string;
      paths: Record<string, unknown>;
    }>();
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths)).toEqual(["/books", "/books/{id}/remove"]);
  });
});
