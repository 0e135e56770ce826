/** Fixed samples, so that two photographs differ only where the kit does. */
export const MOMENT = "2026-11-20T14:02:11.000Z";

export const WAVE: readonly (number | null)[] = Array.from({ length: 60 }, (_, at) =>
  Math.round(60 + 40 * Math.sin(at / 5) + 12 * Math.sin(at * 1.7)),
);

export const FORM_SCHEMA = {
  type: "object",
  required: ["id", "reason"],
  properties: {
    id: { type: "string", description: "Any id it goes by" },
    when: { type: "string", enum: ["period_end", "now"], default: "period_end" },
    prorate: { type: "boolean", default: false, description: "Credit the unused part" },
    reason: { type: "string", maxLength: 500, description: "Kept in the audit log" },
    limit: { anyOf: [{ type: "integer", minimum: 0 }, { type: "null" }] },
    since: { type: "string", format: "date-time" },
    ids: { type: "array", items: { type: "string" } },
    limits: { type: "object", additionalProperties: { type: "integer" } },
  },
};

export const PREVIEW = {
  summary: "Replay 37 events",
  changes: [
    {
      table: "inbox_work",
      id: "10395",
      before: null,
      after: { lane: 9, okey: "stripe:cus_T305kQ2mVbNpW", state: "ready" },
    },
    {
      table: "subscriptions",
      id: "sub_1SVq7000LkdIwHu7ix",
      before: { status: "active" },
      after: { status: "canceled" },
    },
  ],
  rows: 37,
  money: [{ label: "Credit to Acme Studio", minor: 2450, currency: "usd" }],
  calls: [{ provider: "stripe", what: "Cancel subscription sub_1SVq7000LkdIwHu7ix" }],
  messages: [{ channel: "email", to: "accounts@acme.example", what: "Subscription canceled" }],
  warnings: ["Two of the events are older than the last state: they will change nothing."],
};
