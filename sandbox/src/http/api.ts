import type { Faults } from "#sandbox/faults.ts";
import { isVersion, render } from "#sandbox/stripe/versions.ts";
import { API_VERSION, newId, NO_REQUEST, type World } from "#sandbox/stripe/world.ts";

import { expandPaths } from "./expand.ts";
import { invalid, StripeFailure } from "./failure.ts";
import { formOf, parseForm, type FormInput } from "./form.ts";
import { createIdempotency, type Answer, type Idempotency } from "./idempotency.ts";
import { texts, type Input } from "./input.ts";
import { isJsonObject, parseJson, type JsonObject } from "./json.ts";
import { checkParameters, unknownAddress, type Router } from "./router.ts";

/** Stripe keeps an answer only when work began; a request refused for its parameters may be corrected and sent again. */
const REFUSED: ReadonlySet<number> = new Set([400, 404]);

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** The query of a GET or DELETE, or the form body of a POST. */
  readonly form: string;
  readonly authorization: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly version: string | undefined;
}

/** What the socket gets: an answer, or nothing and a closed connection. */
export type Outcome = Answer | "hang up";

export interface Api {
  answer(request: ApiRequest): Promise<Outcome>;
  /** The same work from inside (scenarios); throws StripeFailure. */
  call(method: string, path: string, params?: FormInput): JsonObject;
  readonly idempotency: Idempotency;
}

export interface ApiParts {
  readonly w: World;
  readonly faults: Faults;
  readonly router: Router;
}

/** The Stripe API over a world: keys, faults, idempotency, versions, expansion, errors. */
export function createApi(parts: ApiParts): Api {
  const { w, faults, router } = parts;
  const idempotency = createIdempotency();
  const work = (request: ApiRequest, input: Input): JsonObject => {
    const match = router(request.method, request.path);
    if (match === undefined) {
      throw unknownAddress(request.method, request.path);
    }
    const call = { w, ids: match.ids, input, path: request.path };
    checkParameters(match, call, request.version === undefined || request.version !== API_VERSION);
    const version = request.version ?? API_VERSION;
    const json = render(w, match.route.handle(call), version);
    if (!isJsonObject(json)) {
      throw new TypeError("a handler must answer an object");
    }
    expandPaths({ w, version }, json, texts(input, "expand") ?? []);
    return json;
  };
  const attempt = (request: ApiRequest, requestId: string): Answer => {
    try {
      const input = { hash: parseForm(request.form), path: "" };
      return done(200, work(request, input));
    } catch (error) {
      return failed(w, error, requestId);
    } finally {
      w.request = NO_REQUEST;
    }
  };
  const answer = async (request: ApiRequest): Promise<Outcome> => {
    const requestId = newId(w, "req");
    const mark = { "request-id": requestId, "stripe-version": request.version ?? API_VERSION };
    const refused = refuse(parts, request);
    if (refused === "hang up") {
      return refused;
    }
    if (refused !== undefined) {
      return withHeaders(failed(w, refused, requestId), mark);
    }
    const key = request.method === "POST" ? request.idempotencyKey : undefined;
    try {
      const kept =
        key === undefined ? undefined : idempotency.begin(key, fingerprint(request), requestId);
      if (kept !== undefined) {
        return withHeaders(kept, {
          ...mark,
          "idempotent-replayed": "true",
          "original-request": kept.originalRequest,
        });
      }
    } catch (error) {
      return withHeaders(failed(w, error, requestId), mark);
    }
    if (faults.api.slowMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, faults.api.slowMs));
    }
    w.request = { id: requestId, idempotency_key: key ?? null };
    const result = spoil(parts, attempt(request, requestId), requestId);
    if (key !== undefined && REFUSED.has(result.kept.status)) {
      idempotency.forget(key);
    } else if (key !== undefined) {
      idempotency.finish(key, result.kept);
    }
    return result.sent === "hang up"
      ? "hang up"
      : withHeaders(result.sent, {
          ...mark,
          ...(key === undefined ? {} : { "idempotency-key": key }),
        });
  };
  return {
    answer,
    idempotency,
    call: (method, path, params = {}) => {
      const request = {
        method,
        path,
        form: "",
        authorization: undefined,
        idempotencyKey: undefined,
        version: undefined,
      };
      return work(request, { hash: formOf(params), path: "" });
    },
  };
}

function fingerprint(request: ApiRequest): string {
  return `${request.method} ${request.path}\n${request.form}`;
}

/** Refusals before any work: faults, a missing key, a version that does not exist. */
function refuse(parts: ApiParts, request: ApiRequest): StripeFailure | "hang up" | undefined {
  const { api } = parts.faults;
  if (api.outage) {
    return "hang up";
  }
  if (api.unavailable) {
    return new StripeFailure({
      status: 503,
      type: "api_error",
      message: "Stripe is temporarily unavailable.",
    });
  }
  if (api.rateLimited > 0 && parts.w.random.next() < api.rateLimited) {
    return new StripeFailure({
      status: 429,
      type: "invalid_request_error",
      code: "rate_limit",
      message:
        "Request rate limit exceeded. Learn more about rate limits at https://stripe.com/docs/rate-limits.",
      headers: {
        "retry-after": String(api.retryAfter),
        "stripe-rate-limited-reason": "global-rate",
      },
    });
  }
  const key = keyOf(request.authorization);
  if (key === undefined) {
    return new StripeFailure({
      status: 401,
      type: "invalid_request_error",
      message:
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
    });
  }
  if (!/^(?:sk|rk)_test_\w+$/u.test(key)) {
    return new StripeFailure({
      status: 401,
      type: "invalid_request_error",
      message: `Invalid API Key provided: ${key.slice(0, 8)}${"*".repeat(8)}`,
    });
  }
  return request.version !== undefined && !isVersion(request.version)
    ? invalid(`Invalid Stripe API version: ${request.version}`)
    : undefined;
}

function keyOf(authorization: string | undefined): string | undefined {
  const [scheme, value] = (authorization ?? "").split(" ");
  if (value === undefined || value === "") {
    return undefined;
  }
  return scheme?.toLowerCase() === "basic"
    ? Buffer.from(value, "base64").toString("utf8").split(":")[0]
    : value;
}

/** Faults after the work: the answer is lost or replaced, though the work stays done. Stripe keeps a 500 for its key. */
function spoil(
  parts: ApiParts,
  answer: Answer,
  requestId: string,
): { sent: Outcome; kept: Answer } {
  const { api } = parts.faults;
  if (api.failAfterWork > 0 && parts.w.random.next() < api.failAfterWork) {
    const broken = failed(
      parts.w,
      new StripeFailure({ status: 500, type: "api_error", message: "An unknown error occurred" }),
      requestId,
    );
    return { sent: broken, kept: broken };
  }
  const cut = api.hangUpAfterWork > 0 && parts.w.random.next() < api.hangUpAfterWork;
  return { sent: cut ? "hang up" : answer, kept: answer };
}

function done(status: number, body: JsonObject): Answer {
  return { status, body: JSON.stringify(body, null, 2), headers: {} };
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

function failed(w: World, error: unknown, requestId: string): Answer {
  if (!(error instanceof StripeFailure)) {
    process.stderr.write(
      `${JSON.stringify({ level: "error", requestId, error: String(error), stack: error instanceof Error ? error.stack : undefined })}\n`,
    );
    return done(500, {
      error: {
        type: "api_error",
        message: "An unknown error occurred",
        request_log_url: `${w.baseUrl}/logs/${requestId}`,
      },
    });
  }
  const { status, attached, headers, ...detail } = error.detail;
  const body: JsonObject = { ...parseDetail(detail) };
  if (detail.code !== undefined) {
    body["doc_url"] = `https://stripe.com/docs/error-codes/${detail.code.replaceAll("_", "-")}`;
  }
  body["request_log_url"] = `https://dashboard.stripe.com/test/logs/${requestId}`;
  if (attached !== undefined) {
    const table =
      attached.name === "setup_intent" ? w.tables.setupIntents : w.tables.paymentIntents;
    const object = table.get(attached.id);
    body[attached.name] = object === undefined ? null : render(w, object, API_VERSION);
  }
  return { ...done(status, { error: body }), headers: headers ?? {} };
}

function parseDetail(detail: object): JsonObject {
  const json = parseJson(JSON.stringify(detail));
  return isJsonObject(json) ? json : {};
}
