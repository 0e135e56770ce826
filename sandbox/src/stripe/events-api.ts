import { idOf, need, route, type Route } from "#sandbox/http/call.ts";
import { text, texts } from "#sandbox/http/input.ts";
import { page } from "#sandbox/http/page.ts";
import type { Delivery } from "#sandbox/webhooks/delivery.ts";
import { eventBody } from "#sandbox/webhooks/payload.ts";

import { API_VERSION } from "./world.ts";

/** The events API: list, retrieve, and the resend that the CLI asks for. */
export function eventRoutes(delivery: Delivery): readonly Route[] {
  return [
    route("GET", "/v1/events", "eventList", (call) => {
      const types = texts(call.input, "types");
      const type = text(call.input, "type");
      const found = page(
        call,
        call.w.events.values(),
        (event) =>
          (types === undefined || types.some((pattern) => fits(event.type, pattern))) &&
          (type === undefined || fits(event.type, type)),
      );
      return { ...found, data: found.data.map((event) => eventBody(call.w, event)) };
    }),
    route("GET", "/v1/events/*", [], (call) =>
      eventBody(call.w, need(call.w.events, "event", idOf(call))),
    ),
    route(
      "POST",
      "/v1/events/*/retry",
      ["webhook_endpoint", "account", "for_stripecli"],
      (call) => {
        const event = need(call.w.events, "event", idOf(call));
        const endpoint = text(call.input, "webhook_endpoint");
        if (endpoint !== undefined && endpoint !== "") {
          need(call.w.tables.webhookEndpoints, "webhook endpoint", endpoint, "webhook_endpoint");
        }
        delivery.resend(event, endpoint === "" ? undefined : endpoint);
        return eventBody(call.w, event);
      },
    ),
    // The CLI's `listen --print-secret`; there is no websocket behind it.
    route(
      "POST",
      "/v1/stripecli/sessions",
      [
        "device_name",
        "websocket_features",
        "forward_to_url",
        "forward_connect_to_url",
        "device_url",
      ],
      (call) => ({
        secret:
          [...call.w.secrets.endpointSecrets.values()][0] ?? `whsec_${call.w.random.token(32)}`,
        websocket_id: "sandbox",
        websocket_url: "",
        websocket_authorized_feature: "webhooks",
        default_version: API_VERSION,
        latest_version: API_VERSION,
        reconnect_delay: 60,
        display_connect_filter_warning: false,
      }),
    ),
  ];
}

/** `type` may end in a star: `invoice.*`. */
function fits(type: string, pattern: string): boolean {
  return pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}
