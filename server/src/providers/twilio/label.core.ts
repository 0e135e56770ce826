import { fingerprintOf } from "#domains/inbox/fingerprint.core.ts";
import { parseBody } from "#domains/inbox/json-limits.core.ts";
import type { Label, Lane, WebhookRequest } from "#domains/inbox/ports.ts";

/** What Twilio's request is called. It has no event id: the message's or call's id with its status is one. */
export function labelTwilio(request: WebhookRequest): Label {
  const fingerprint = fingerprintOf(request.body);
  const isJson = (request.header("content-type") ?? "").startsWith("application/json");
  const parsed = isJson ? parseBody(request.body) : null;
  if (parsed !== null && !parsed.ok) {
    return { ok: false, reason: parsed.reason, fingerprint };
  }
  const field = parsed === null ? formField(request.body) : jsonField(parsed.value);
  const sid = first(field, SIDS);
  if (sid === null || sid.length > 100) {
    return { ok: false, reason: "The request names no message and no call.", fingerprint };
  }
  const kind = kindOf(field);
  const status = first(field, STATUSES) ?? "";
  const sequence = field("SequenceNumber") ?? "";
  const phone = field(kind === "message.status" ? "To" : "From");
  return {
    ok: true,
    externalId: [
      sid,
      kind,
      status,
      sequence,
      kind === "call.step" ? fingerprint.toString("hex") : "",
    ]
      .join(":")
      .slice(0, 200),
    eventType: [kind, ...(status === "" ? [] : [status])].join(".").slice(0, 200),
    okey: `phone:${(phone ?? sid).slice(0, 100)}`,
    lane: laneOf(kind),
    occurredAt: null,
    apiVersion: field("ApiVersion"),
    livemode: null,
    fingerprint,
  };
}

const SIDS = ["MessageSid", "SmsSid", "CallSid", "RecordingSid"];
const STATUSES = ["MessageStatus", "SmsStatus", "RecordingStatus", "CallStatus"];

function first(field: (name: string) => string | null, names: readonly string[]): string | null {
  for (const name of names) {
    const value = field(name);
    if (value !== null) {
      return value;
    }
  }
  return null;
}

type Kind = "message.received" | "message.status" | "call" | "call.step" | "recording";

/** What a person wrote may be a STOP, so all of it goes first. */
function laneOf(kind: Kind): Lane {
  return kind === "message.received" ? 0 : kind === "message.status" ? 5 : 1;
}

function kindOf(field: (name: string) => string | null): Kind {
  if (field("RecordingSid") !== null) {
    return "recording";
  }
  if (field("CallSid") !== null) {
    return field("Digits") !== null || field("SpeechResult") !== null ? "call.step" : "call";
  }
  return field("MessageStatus") === null || field("Body") !== null
    ? "message.received"
    : "message.status";
}

function formField(body: Buffer): (name: string) => string | null {
  const form = new URLSearchParams(body.toString("utf8"));
  return (name) => {
    const value = form.get(name);
    return value === "" ? null : value;
  };
}

function jsonField(value: Readonly<Record<string, unknown>>): (name: string) => string | null {
  return (name) => {
    const found = value[name];
    return typeof found === "string" && found !== "" ? found : null;
  };
}
