import { fingerprintWithoutNumber } from "#domains/inbox/fingerprint.core.ts";
import { idAt, isObject, parseBody, textAt } from "#domains/inbox/json-limits.core.ts";
import type { Label, Lane, WebhookRequest } from "#domains/inbox/ports.ts";

const MONEY =
  /^(invoice\.(paid|payment_succeeded|payment_failed|payment_action_required)|customer\.subscription\.deleted|charge\.(failed|refunded|dispute\..*)|refund\..*|payment_intent\.payment_failed|radar\.early_fraud_warning\..*)$/;

/** What Stripe's event is called, whom it concerns, and which lane it takes. */
export function labelStripe(request: Pick<WebhookRequest, "body">): Label {
  const fingerprint = fingerprintWithoutNumber(request.body, '"pending_webhooks"');
  const parsed = parseBody(request.body);
  if (!parsed.ok) {
    return { ok: false, reason: parsed.reason, fingerprint };
  }
  const event = parsed.value;
  const id = textAt(event, "id");
  const type = textAt(event, "type");
  if (id === null || type === null || id.length > 200 || type.length > 200) {
    return { ok: false, reason: "The event has no id or no type.", fingerprint };
  }
  return {
    ok: true,
    externalId: id,
    eventType: type,
    okey: stripeKey(event, id),
    lane: stripeLane(type),
    occurredAt: occurred(event["created"]),
    apiVersion: textAt(event, "api_version"),
    livemode: typeof event["livemode"] === "boolean" ? event["livemode"] : null,
    fingerprint,
  };
}

function stripeLane(type: string): Lane {
  return MONEY.test(type) ? 1 : 5;
}

/** Everything that names a customer is of that customer; disputes and refunds without one are of their charge; prices of their product. */
function stripeKey(event: Readonly<Record<string, unknown>>, eventId: string): string {
  const data = event["data"];
  const object = isObject(data) ? data["object"] : null;
  if (!isObject(object)) {
    return `stripe:${(idAt(event, "related_object") ?? eventId).slice(0, 200)}`;
  }
  const own = textAt(object, "id");
  const kind = textAt(object, "object");
  const concerned =
    (kind === "customer" ? own : idAt(object, "customer")) ??
    (kind === "dispute" || kind === "refund" ? idAt(object, "charge") : null) ??
    (kind === "price" || kind === "plan" ? idAt(object, "product") : null) ??
    own ??
    eventId;
  return `stripe:${concerned.slice(0, 200)}`;
}

const FARTHEST_S = 4_102_444_800; // the year 2100: beyond it a timestamp is nonsense, and Postgres must still take it

function occurred(created: unknown): Date | null {
  if (typeof created === "number" && created > 0 && created < FARTHEST_S) {
    return new Date(Math.floor(created * 1000));
  }
  if (typeof created === "string") {
    const ms = Date.parse(created); // thin events write ISO 8601
    return ms > 0 && ms < FARTHEST_S * 1000 ? new Date(ms) : null;
  }
  return null;
}
