import { idOf, need, route, type Route } from "#sandbox/http/call.ts";
import { text, texts } from "#sandbox/http/input.ts";
import { page } from "#sandbox/http/page.ts";
import { eventBody } from "#sandbox/webhooks/payload.ts";
import type { Delivery } from "#sandbox/webhooks/delivery.ts";

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
    route("GET", "/v1/events/*", [], (call) => eventBody(call.w, need(call.w.events, "event", idOf(call)))),
    route("POST", "/v1/events/*/retry", ["webhook_endpoint", "account"], (call) => {
      const event = need(call.w.events, "event", idOf(call));
      const endpoint = text(call.input, "webhook_endpoint");
      if (endpoint !== undefined && endpoint !== "") {
        need(call.w.tables.webhookEndpoints, "webhook endpoint", endpoint, "webhook_endpoint");
      }
      delivery.resend(event, endpoint === "" ? undefined : endpoint);
      return eventBody(call.w, event);
    }),
  ];
}

/** `type` may end in a star: `invoice.*`. */
function fits(type: string, pattern: string): boolean {
  return pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}
