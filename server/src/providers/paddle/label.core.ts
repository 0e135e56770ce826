import { fingerprintOf } from "#domains/inbox/fingerprint.core.ts";
import { isObject, parseBody, textAt } from "#domains/inbox/json-limits.core.ts";
import type { Label, WebhookRequest } from "#domains/inbox/ports.ts";

const MONEY =
  /^(transaction\.(completed|paid|payment_failed|past_due)|subscription\.(canceled|past_due)|adjustment\..*)$/;
/** A redelivery by hand has a new notification_id under the same event_id. */
const NOTIFICATION_ID = /"notification_id"\s*:\s*"[^"]{0,100}"/;

/** What Paddle's event is called, whom it concerns, and which lane it takes. */
export function labelPaddle(request: Pick<WebhookRequest, "body">): Label {
  const parsed = parseBody(request.body);
  if (!parsed.ok) {
    return { ok: false, reason: parsed.reason, fingerprint: fingerprintOf(request.body) };
  }
  const event = parsed.value;
  const fingerprint = fingerprintOf(
    Buffer.from(request.body.toString("utf8").replace(NOTIFICATION_ID, '"notification_id":""')),
  );
  const id = textAt(event, "event_id");
  const type = textAt(event, "event_type");
  if (id === null || type === null || id.length > 200 || type.length > 200) {
    return { ok: false, reason: "The event has no event_id or no event_type.", fingerprint };
  }
  const occurredMs = Date.parse(textAt(event, "occurred_at") ?? "");
  return {
    ok: true,
    externalId: id,
    eventType: type,
    okey: `paddle:${paddleKey(event, type, id).slice(0, 200)}`,
    lane: MONEY.test(type) ? 1 : 5,
    occurredAt: Number.isNaN(occurredMs) ? null : new Date(occurredMs),
    apiVersion: null,
    livemode: null,
    fingerprint,
  };
}

function paddleKey(
  event: Readonly<Record<string, unknown>>,
  type: string,
  eventId: string,
): string {
  const data = isObject(event["data"]) ? event["data"] : null;
  return (
    textAt(data, "customer_id") ??
    (type.startsWith("price.") ? textAt(data, "product_id") : null) ??
    textAt(data, "id") ??
    eventId
  );
}
