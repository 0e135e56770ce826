import { createServer, type IncomingMessage, type Server } from "node:http";

import { isoFromSeconds } from "#sandbox/clock.ts";
import type { Faults } from "#sandbox/faults.ts";
import { noFaults } from "#sandbox/faults.ts";
import { StripeFailure } from "#sandbox/http/failure.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "#sandbox/http/json.ts";
import { readBody } from "#sandbox/http/server.ts";
import type { Scenarios } from "#sandbox/scenario/scenarios.ts";
import { closeDispute, openDispute } from "#sandbox/stripe/disputes.ts";
import { registerEndpoint } from "#sandbox/stripe/webhook-endpoints.ts";
import type { World } from "#sandbox/stripe/world.ts";
import type { Delivery } from "#sandbox/webhooks/delivery.ts";

export interface ControlParts {
  readonly w: World;
  readonly faults: Faults;
  readonly delivery: Delivery;
  readonly scenarios: Scenarios;
  readonly advance: (milliseconds: number) => void;
  readonly setFaults: (patch: object) => void;
  readonly tick: () => void;
}

type Handler = (parts: ControlParts, body: JsonObject) => object;

const HANDLERS = new Map<string, Handler>([
  ["GET /state", (parts) => state(parts)],
  ["GET /clock", (parts) => clockState(parts)],
  ["POST /clock", moveClock],
  ["GET /faults", (parts) => parts.faults],
  ["PUT /faults", applyFaults],
  ["POST /faults", applyFaults],
  ["DELETE /faults", (parts) => applyFaults(parts, {})],
  [
    "GET /scenario",
    (parts) => ({ names: parts.scenarios.names(), running: parts.scenarios.running() }),
  ],
  ["POST /scenario", scenario],
  ["POST /emit", emitMany],
  ["GET /endpoints", (parts) => ({ data: [...parts.w.tables.webhookEndpoints.values()] })],
  ["POST /endpoints", addEndpoint],
  ["DELETE /endpoints", removeEndpoint],
  [
    "GET /deliveries",
    (parts) => ({
      counts: parts.delivery.counts,
      data: parts.delivery.attempts().slice(-200).toReversed(),
    }),
  ],
  ["POST /resend", resend],
  ["POST /disputes", dispute],
  ["POST /settings", settings],
]);

/** The control API (JSON in, JSON out); not part of any provider. */
export function createControlServer(parts: ControlParts): Server {
  return createServer((request, response) => {
    void handle(parts, request).then(({ status, body }) => {
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(`${JSON.stringify(body)}\n`);
    });
  });
}

async function handle(
  parts: ControlParts,
  request: IncomingMessage,
): Promise<{ status: number; body: object }> {
  const url = new URL(request.url ?? "/", "http://control");
  const handler = HANDLERS.get(`${request.method ?? "GET"} ${url.pathname}`);
  if (handler === undefined) {
    return { status: 404, body: { error: "no such control", controls: [...HANDLERS.keys()] } };
  }
  try {
    const text = (await readBody(request)) ?? "";
    const body = text === "" ? Object.fromEntries(url.searchParams) : parseJson(text);
    return { status: 200, body: handler(parts, isJsonObject(body) ? body : {}) };
  } catch (error) {
    const known =
      error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
    return {
      status: known || error instanceof StripeFailure ? 400 : 500,
      body: { error: String(error) },
    };
  }
}

function state(parts: ControlParts): object {
  const { w, delivery, scenarios } = parts;
  return {
    ...clockState(parts),
    scenario: scenarios.running(),
    counts: Object.fromEntries(Object.entries(w.tables).map(([name, table]) => [name, table.size])),
    events: w.events.size,
    due: w.agenda.size(),
    deliveries: delivery.counts,
    faults: parts.faults,
    settings: w.settings,
  };
}

function clockState(parts: ControlParts): { now: number; iso: string } {
  const now = Math.floor(parts.w.clock.now() / 1000);
  return { now, iso: isoFromSeconds(now) };
}

function numberOf(value: Json | undefined, name: string): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) {
    throw new TypeError(`${name} must be a number`);
  }
  return number;
}

function textOf(value: Json | undefined, name: string): string {
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`${name} must be text`);
  }
  return value;
}

/** `{advance: seconds}` or `{set: seconds since the epoch | ISO text}`. */
function moveClock(parts: ControlParts, body: JsonObject): object {
  const ahead = numberOf(body["advance"], "advance");
  const set = body["set"];
  if (ahead !== undefined) {
    parts.advance(ahead * 1000);
  } else if (set !== undefined) {
    const instant =
      typeof set === "string" && !/^\d+$/u.test(set)
        ? Date.parse(set)
        : (numberOf(set, "set") ?? 0) * 1000;
    parts.advance(instant - parts.w.clock.now());
  } else {
    throw new TypeError("give advance (seconds) or set (seconds since the epoch or ISO 8601)");
  }
  return clockState(parts);
}

function applyFaults(parts: ControlParts, body: JsonObject): object {
  if (Object.keys(body).length === 0) {
    parts.setFaults(noFaults());
  } else {
    parts.setFaults(body);
  }
  return parts.faults;
}

/** `{start: name, rate?}` or `{stop: true}`; `rate` in events per second. */
function scenario(parts: ControlParts, body: JsonObject): object {
  if (body["stop"] === true) {
    parts.scenarios.stop();
  } else {
    parts.scenarios.start(textOf(body["start"], "start"), numberOf(body["rate"], "rate") ?? 1);
  }
  return { names: parts.scenarios.names(), running: parts.scenarios.running() };
}

/** `{count, customers?}`. */
function emitMany(parts: ControlParts, body: JsonObject): object {
  const count = numberOf(body["count"], "count") ?? 1;
  const emitted = parts.scenarios.emit(count, numberOf(body["customers"], "customers") ?? 100);
  return { emitted };
}

/** `{url, secret?, apiVersion?, enabledEvents?}`; the answer holds the secret. */
function addEndpoint(parts: ControlParts, body: JsonObject): object {
  const events = body["enabledEvents"];
  return registerEndpoint(parts.w, {
    url: textOf(body["url"], "url"),
    enabledEvents: Array.isArray(events)
      ? events.filter((event) => typeof event === "string")
      : ["*"],
    apiVersion: body["apiVersion"] === undefined ? null : textOf(body["apiVersion"], "apiVersion"),
    description: "from the control API",
    metadata: {},
    secret: body["secret"] === undefined ? undefined : textOf(body["secret"], "secret"),
  });
}

function removeEndpoint(parts: ControlParts, body: JsonObject): object {
  return { deleted: parts.w.tables.webhookEndpoints.delete(textOf(body["id"], "id")) };
}

/** `{event}` sends it again; `{all: true}` all that are kept. */
function resend(parts: ControlParts, body: JsonObject): object {
  const id = body["event"];
  const events = [...parts.w.events.values()].filter(
    (event) => body["all"] === true || event.id === id,
  );
  for (const event of events) {
    parts.delivery.resend(event, undefined);
  }
  return { resent: events.length };
}

/** `{charge, reason?, inquiry?}` opens a dispute; `{dispute, won}` decides one. */
function dispute(parts: ControlParts, body: JsonObject): object {
  const known = body["dispute"];
  if (typeof known === "string") {
    return closeDispute(parts.w, known, body["won"] === true);
  }
  const charge = parts.w.tables.charges.get(textOf(body["charge"], "charge"));
  if (charge === undefined) {
    throw new TypeError("no such charge");
  }
  const reason = typeof body["reason"] === "string" ? body["reason"] : "fraudulent";
  return openDispute(parts.w, charge, { reason, inquiry: body["inquiry"] === true });
}

/** `{retryDays?, afterRetries?, draftSeconds?}`: how renewals are collected. */
function settings(parts: ControlParts, body: JsonObject): object {
  const { settings: current } = parts.w;
  const days = body["retryDays"];
  const after = body["afterRetries"];
  if (Array.isArray(days)) {
    current.retryDays = days.filter((day) => typeof day === "number");
  }
  if (after === "cancel" || after === "past_due" || after === "unpaid") {
    current.afterRetries = after;
  }
  current.draftSeconds = numberOf(body["draftSeconds"], "draftSeconds") ?? current.draftSeconds;
  return current;
}
