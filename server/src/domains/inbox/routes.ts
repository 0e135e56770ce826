import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";

import { MAX_BODY_BYTES } from "#platform/http-limits.ts";
import type { Log } from "#platform/log.ts";
import type { ProblemSpec } from "#platform/problem.ts";

import type { Endpoint } from "./endpoint-directory.ts";
import type { Intake } from "./intake.ts";
import { webhookBusy, webhookRefused, webhookTooLarge, webhookUnsupported } from "./problems.ts";

const RETRY_AFTER_S = "30";
const BASE = "/api/webhooks/";

export interface RoutesDeps {
  readonly intake: Intake;
  readonly log: Log;
  /** Public origin of this installation, for endpoints that name no address of their own; null where unknown. */
  readonly publicUrl: string | null;
}

const OK = Buffer.from('{"received":true}');
const EMPTY_TWIML = Buffer.from('<?xml version="1.0" encoding="UTF-8"?><Response></Response>');

/** `POST /api/webhooks/{stripe,paddle,twilio,twilio/...,<endpoint id>}`. Sees raw bytes only. */
export function inboxRoutes(deps: RoutesDeps): FastifyPluginCallback {
  return (app, _options, done) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES },
      (_request, body, parsed) => {
        parsed(null, body);
      },
    );
    app.setErrorHandler((error, request, reply) => {
      const tooLarge = codeOf(error) === "FST_ERR_CTP_BODY_TOO_LARGE";
      if (tooLarge) {
        refuseEarly(deps, request, {
          refusal: "body_too_large",
          detail: "The body is larger than 1 MiB.",
        });
      }
      // The rest of the body is not wanted: with the connection kept open it would have to be read.
      void reply.header("connection", "close");
      problem(
        reply,
        tooLarge ? webhookTooLarge : statusOf(error) >= 500 ? webhookBusy : webhookRefused,
      );
    });
    const options = { bodyLimit: MAX_BODY_BYTES };
    app.post(`${BASE}:endpoint`, options, (request, reply) => {
      handle(deps, request, reply);
    });
    app.post(`${BASE}twilio/*`, options, (request, reply) => {
      handle(deps, request, reply);
    });
    done();
  };
}

function endpointName(request: FastifyRequest): string {
  const name = request.url.slice(BASE.length).split(/[/?]/, 1)[0] ?? "";
  return name;
}

function handle(deps: RoutesDeps, request: FastifyRequest, reply: FastifyReply): void {
  const endpoint = deps.intake.endpointFor(endpointName(request));
  if (endpoint === undefined) {
    problem(reply, webhookRefused);
    return;
  }
  const type = request.headers["content-type"] ?? "";
  const known =
    deps.intake
      .sourceOf(endpoint.provider)
      ?.contentTypes.some((wanted) => type.startsWith(wanted)) === true;
  const encoding = request.headers["content-encoding"];
  const body = request.body;
  if (!known || (encoding !== undefined && encoding !== "identity") || !Buffer.isBuffer(body)) {
    refuseEarly(deps, request, {
      refusal: "content_type",
      detail: `Content-Type ${type.slice(0, 100)}, Content-Encoding ${encoding ?? "none"}.`,
    });
    problem(reply, webhookUnsupported);
    return;
  }
  deps.intake
    .accept(endpoint, {
      header: (name) => single(request.headers[name]),
      body,
      publicUrl: publicUrlOf(deps, endpoint, request.url),
      path: request.url,
    })
    .then((answer) => {
      if (answer.kind === "refused") {
        problem(reply, webhookRefused);
      } else {
        acknowledge(reply, endpoint);
      }
    })
    .catch((error: unknown) => {
      deps.log.warn({ err: error, endpoint: endpoint.publicId }, "A webhook could not be stored.");
      problem(reply, webhookBusy);
    });
}

function acknowledge(reply: FastifyReply, endpoint: Endpoint): void {
  if (endpoint.provider === "twilio") {
    reply.header("content-type", "text/xml").send(EMPTY_TWIML);
  } else {
    reply.header("content-type", "application/json").send(OK);
  }
}

function problem(reply: FastifyReply, spec: ProblemSpec): void {
  if (spec === webhookBusy) {
    void reply.header("retry-after", RETRY_AFTER_S);
  }
  reply
    .code(spec.status)
    .header("content-type", "application/problem+json")
    .send(JSON.stringify({ type: spec.code, title: spec.title, status: spec.status }));
}

function refuseEarly(
  deps: RoutesDeps,
  request: FastifyRequest,
  why: { readonly refusal: "body_too_large" | "content_type"; readonly detail: string },
): void {
  const endpoint = deps.intake.endpointFor(endpointName(request));
  if (endpoint !== undefined) {
    const bytes = Number(request.headers["content-length"] ?? 0);
    deps.intake.refuse(
      endpoint,
      {
        header: (name) => single(request.headers[name]),
        bytes: Number.isSafeInteger(bytes) ? Math.min(bytes, 2_147_483_647) : 0,
      },
      why,
    );
  }
}

/** Twilio signs the address it was told. Only the part behind our route comes from the request, and it is part of what is signed. */
function publicUrlOf(deps: RoutesDeps, endpoint: Endpoint, path: string): string | null {
  if (endpoint.provider !== "twilio") {
    return null;
  }
  if (endpoint.publicUrl === null) {
    return deps.publicUrl === null ? null : new URL(deps.publicUrl).origin + path;
  }
  const tail = path.slice(BASE.length).replace(/^[^/?]*/, "");
  return endpoint.publicUrl.replace(/\/$/, "") + tail;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(",") : value;
}

function codeOf(error: unknown): string | undefined {
  return typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "string"
    ? error.code
    : undefined;
}

function statusOf(error: unknown): number {
  return typeof error === "object" &&
    error !== null &&
    "statusCode" in error &&
    typeof error.statusCode === "number"
    ? error.statusCode
    : 500;
}
