import { SmartCoercionPlugin } from "@orpc/json-schema";
import { OpenAPIGenerator } from "@orpc/openapi";
import { OpenAPIHandler } from "@orpc/openapi/fastify";
import { ORPCError, os } from "@orpc/server";
import { ZodToJsonSchemaConverter } from "@orpc/zod/zod4";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Identity } from "#domains/access/identify.ts";
import type { Log } from "#platform/log.ts";
import type { BoundOperation, Run } from "#platform/operation/bound.ts";
import { toProcedure } from "#platform/operation/procedure.ts";
import {
  Problem,
  invalidInput,
  notFound,
  previewRequired,
  unauthenticated,
} from "#platform/problem.ts";

import { problemDocument } from "./problems.ts";

export interface OperationDoor {
  readonly operations: readonly BoundOperation[];
  readonly authenticate: (request: FastifyRequest) => Promise<Identity | null>;
  /** Throws the refusal where this identity may not run this operation. */
  readonly permit: (identity: Identity, operation: BoundOperation["operation"]) => void;
  readonly runFor: (identity: Identity, request: { id: string; ticket: string | null }) => Run;
  readonly log: Log;
  readonly version: string;
  readonly publicUrl: string;
}

interface CallContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Hangs every operation on its path, the previews on theirs, and prints the OpenAPI document. Knows no operation by name. */
export function operationRoutes(door: OperationDoor): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const router = Object.fromEntries(
      door.operations.map((bound) => [bound.operation.name, procedureOf(door, bound)]),
    );
    const converters = [new ZodToJsonSchemaConverter()];
    const handler = new OpenAPIHandler(router, {
      plugins: [new SmartCoercionPlugin({ schemaConverters: converters })],
      customErrorResponseBodyEncoder: (error) => problemDocument(error, requestIdOf(error)),
    });
    const document = await new OpenAPIGenerator({ schemaConverters: converters }).generate(
      Object.fromEntries(
        door.operations.map(({ operation }) => [operation.name, toProcedure(operation)]),
      ),
      {
        info: {
          title: "Purser",
          version: door.version,
          description: "Every operation of Purser. Errors are RFC 9457 problems.",
        },
        servers: [{ url: `${door.publicUrl}/api` }],
        security: [{ bearer: [] }],
        components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      },
    );

    app.get("/api/openapi.json", async () => document);
    app.post<{ Params: { name: string } }>("/api/preview/:name", async (request, reply) => {
      const bound = door.operations.find(({ operation }) => operation.name === request.params.name);
      if (bound?.preview === undefined || bound.preview === null) {
        throw new Problem(notFound, `No operation named ${request.params.name} can be previewed.`);
      }
      const { preview } = bound;
      const { run } = await admit(door, bound, request);
      await reply.send(await preview(run, parseInput(bound, request.body ?? {})));
    });
    app.all("/api/*", async (request, reply) => {
      if (request.method !== "GET") {
        // A command whose every field may be left out needs no body, as in the runbook's `curl -X POST`.
        request.body ??= {};
      }
      const { matched } = await handler.handle(request, reply, {
        prefix: "/api",
        context: { request, reply },
      });
      if (!matched) {
        throw new Problem(
          notFound,
          `${request.method} ${request.url.split("?")[0]} is no operation.`,
        );
      }
    });
  };
}

function procedureOf(door: OperationDoor, bound: BoundOperation) {
  const { operation } = bound;
  return os
    .$context<CallContext>()
    .route({ method: operation.method, path: operation.path, operationId: operation.name })
    .use(async ({ context: { request }, next }) => {
      // Before the input is looked at, so that a stranger learns nothing from its errors.
      try {
        const { run } = await admit(door, bound, request);
        return await next({ context: { run } });
      } catch (error) {
        throw asReply(door, bound, { error, request });
      }
    })
    .input(operation.input)
    .output(operation.output)
    .handler(async ({ input, context: { request, reply, run } }) => {
      const result = await bound.execute(run, input, previewHashOf(request, operation));
      sendHeaders(reply, operation.replyHeaders, result);
      return result;
    });
}

/** @throws Problem platform/preview-required where a dangerous act comes without the preview that somebody has seen */
function previewHashOf(
  request: FastifyRequest,
  operation: BoundOperation["operation"],
): string | null {
  const hash = request.headers["purser-preview-hash"];
  if (typeof hash === "string" && hash !== "") {
    return hash;
  }
  if (operation.risk === "dangerous") {
    throw new Problem(
      previewRequired,
      `POST the same input to /api/preview/${operation.name}, look at the answer, and send its "hash" with the act in the header Purser-Preview-Hash.`,
    );
  }
  return null;
}

function sendHeaders(reply: FastifyReply, field: string | undefined, result: unknown): void {
  if (field === undefined || typeof result !== "object" || result === null) {
    return;
  }
  const headers: unknown = Object.entries(result).find(([name]) => name === field)?.[1];
  if (typeof headers === "object" && headers !== null) {
    for (const [name, value] of Object.entries(headers)) {
      void reply.header(name, String(value));
    }
  }
}

/** oRPC carries our problem through its own error; the request's id rides along for the document. */
function asReply(
  door: OperationDoor,
  bound: BoundOperation,
  { error, request }: { error: unknown; request: FastifyRequest },
): ORPCError<string, { requestId: string }> {
  const document = problemDocument(error, request.id);
  if (document.status >= 500) {
    door.log.error(
      { err: error, operation: bound.operation.name, requestId: request.id },
      "operation failed",
    );
  }
  return new ORPCError(document.code, {
    status: document.status,
    message: document.title,
    data: { requestId: request.id },
    cause: error,
  });
}

/** Identity first, then permission: a stranger learns nothing about what exists. */
async function admit(
  door: OperationDoor,
  bound: BoundOperation,
  request: FastifyRequest,
): Promise<{ identity: Identity; run: Run }> {
  const identity = await door.authenticate(request);
  if (identity === null) {
    throw new Problem(unauthenticated);
  }
  door.permit(identity, bound.operation);
  const ticket = request.headers["purser-ticket"];
  const run = door.runFor(identity, {
    id: request.id,
    ticket: typeof ticket === "string" && ticket !== "" ? ticket.slice(0, 200) : null,
  });
  return { identity, run };
}

function parseInput(bound: BoundOperation, body: unknown): unknown {
  const parsed = bound.operation.input.safeParse(body);
  if (parsed.success) {
    return parsed.data;
  }
  const errors = parsed.error.issues.map((issue) => ({
    pointer: `/${issue.path.map(String).join("/")}`,
    detail: issue.message,
  }));
  throw new Problem(
    invalidInput,
    errors.map((issue) => `${issue.pointer}: ${issue.detail}`).join("; "),
    { errors },
  );
}

function requestIdOf(error: ORPCError<string, unknown>): string {
  const { data } = error;
  return typeof data === "object" && data !== null && "requestId" in data
    ? String(data.requestId)
    : "unknown";
}
