import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import { bool, has, metadata, needText, nullable, text, texts } from "#sandbox/http/input.ts";
import { page } from "#sandbox/http/page.ts";

import type { WebhookEndpoint } from "./shapes.ts";
import { isVersion } from "./versions.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

export interface EndpointWish {
  readonly url: string;
  readonly enabledEvents: readonly string[];
  readonly apiVersion: string | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
  /** Given by tests and `npm start`; Stripe makes its own. */
  readonly secret?: string | undefined;
}

/** Registers an endpoint; its secret is in the answer to this call only. */
export function registerEndpoint(
  w: World,
  wish: EndpointWish,
): WebhookEndpoint & { secret: string } {
  if (!URL.canParse(wish.url) || !/^https?:/u.test(wish.url)) {
    throw invalid("Invalid URL: URL must be an HTTP or HTTPS address.", "url", "url_invalid");
  }
  if (wish.apiVersion !== null && !isVersion(wish.apiVersion)) {
    throw invalid(`Invalid Stripe API version: ${wish.apiVersion}`, "api_version");
  }
  const endpoint: WebhookEndpoint = {
    id: newId(w, "we"),
    object: "webhook_endpoint",
    api_version: wish.apiVersion,
    application: null,
    created: nowOf(w, null),
    description: wish.description,
    enabled_events: [...wish.enabledEvents],
    livemode: false,
    metadata: wish.metadata,
    status: "enabled",
    url: wish.url,
  };
  const secret = wish.secret ?? `whsec_${w.random.token(32)}`;
  w.tables.webhookEndpoints.set(endpoint.id, endpoint);
  w.secrets.endpointSecrets.set(endpoint.id, secret);
  return { ...endpoint, secret };
}

function create(call: Call): WebhookEndpoint {
  const { w, input } = call;
  const events = texts(input, "enabled_events");
  if (events === undefined || events.length === 0) {
    throw required("enabled_events");
  }
  return registerEndpoint(w, {
    url: needText(input, "url"),
    enabledEvents: events,
    apiVersion: text(input, "api_version") ?? null,
    description: nullable(input, "description") ?? null,
    metadata: metadata(input),
  });
}

function update(call: Call): WebhookEndpoint {
  const { w, input } = call;
  const before = need(w.tables.webhookEndpoints, "webhook endpoint", idOf(call));
  const disabled = bool(input, "disabled");
  const off = disabled ?? before.status === "disabled";
  return amend(w.tables.webhookEndpoints, before, {
    description: has(input, "description")
      ? (nullable(input, "description") ?? null)
      : before.description,
    enabled_events: [...(texts(input, "enabled_events") ?? before.enabled_events)],
    metadata: metadata(input, before.metadata),
    status: off ? "disabled" : "enabled",
    url: text(input, "url") ?? before.url,
  });
}

function remove(call: Call): object {
  const endpoint = need(call.w.tables.webhookEndpoints, "webhook endpoint", idOf(call));
  call.w.tables.webhookEndpoints.delete(endpoint.id);
  call.w.secrets.endpointSecrets.delete(endpoint.id);
  return { id: endpoint.id, object: "webhook_endpoint", deleted: true };
}

export const webhookEndpointRoutes: readonly Route[] = [
  route("POST", "/v1/webhook_endpoints", "webhookEndpointCreate", create),
  route("GET", "/v1/webhook_endpoints", "webhookEndpointList", (call) =>
    page(call, call.w.tables.webhookEndpoints.values()),
  ),
  route("GET", "/v1/webhook_endpoints/*", [], (call) =>
    need(call.w.tables.webhookEndpoints, "webhook endpoint", idOf(call)),
  ),
  route("POST", "/v1/webhook_endpoints/*", "webhookEndpointUpdate", update),
  route("DELETE", "/v1/webhook_endpoints/*", [], remove),
];
