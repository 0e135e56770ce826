import { isJsonObject, type JsonObject } from "#sandbox/http/json.ts";
import { render, renderPrevious } from "#sandbox/stripe/versions.ts";
import { API_VERSION, type StoredEvent, type World } from "#sandbox/stripe/world.ts";

/** An event as the API shows it and webhooks carry it, in the shape of that version. */
export function eventBody(w: World, event: StoredEvent, version: string = API_VERSION): JsonObject {
  const object = render(w, event.object, version);
  const previous = event.previous === undefined ? undefined : renderPrevious(w, event, version);
  return {
    id: event.id,
    object: "event",
    api_version: version,
    created: event.created,
    data: {
      object,
      ...(previous === undefined || !isJsonObject(previous)
        ? {}
        : { previous_attributes: previous }),
    },
    livemode: false,
    pending_webhooks: w.tables.webhookEndpoints.size,
    request: { id: event.request.id, idempotency_key: event.request.idempotency_key },
    type: event.type,
  };
}
