import { readFileSync, readdirSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { readEvent, snapshotFrom } from "../../server/src/providers/stripe/translate/event.ts";
import { generationOf } from "../../server/src/providers/stripe/translate/version.ts";
import { eventBody, subscriptionBody } from "./stripe-shapes.ts";

const folder = new URL("data/stripe-ruby-mock/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

/** Types among them that change nothing in the record. */
const IGNORED = new Set(["invoice.upcoming", "plan.created", "checkout.session.completed"]);
/** Two of the fixtures are older than their folder: one has no version, the other a dispute without an id. Refusing them is right. */
const UNREADABLE = new Set(["customer.subscription.trial_will_end", "charge.dispute.closed"]);

function expected(type: string): string {
  if (UNREADABLE.has(type)) {
    return "unreadable";
  }
  return IGNORED.has(type) ? "ignored" : "snapshot";
}

describe("events as Stripe sent them in 2020-08-27", () => {
  it.each(files)("%s is read, or ignored for a stated reason", (file) => {
    const reading = readEvent(readFileSync(new URL(file, folder)));
    const type = file.replace(/\.json$/, "");
    expect(reading).toMatchObject({ kind: expected(type) });
  });
});

describe("today's shapes, from Stripe's own fixtures", () => {
  const fixtures: Record<string, Record<string, unknown>> = JSON.parse(
    readFileSync(new URL("data/stripe-openapi/fixtures3.some.json", import.meta.url), "utf8"),
  );
  const kinds = [
    "customer",
    "subscription",
    "invoice",
    "charge",
    "payment_intent",
    "refund",
    "dispute",
    "product",
    "price",
  ] as const;
  it.each(kinds)("%s is read", (kind) => {
    const snapshot = snapshotFrom(kind, fixtures[kind] ?? {}, "basil", false);
    expect(snapshot).toMatchObject({ kind, id: fixtures[kind]?.["id"] });
  });
  it("a subscription's period is its items'", () => {
    expect(
      snapshotFrom("subscription", fixtures["subscription"] ?? {}, "basil", false),
    ).toMatchObject({ periodStart: 1_896_570_518, periodEnd: 976_287_773 });
  });
  it("an invoice's subscription is its parent's", () => {
    expect(snapshotFrom("invoice", fixtures["invoice"] ?? {}, "basil", false)).toMatchObject({
      subscription: "subscription",
    });
  });
});

describe("a shape that cannot be trusted", () => {
  const whole = subscriptionBody("basil", {
    id: "sub_1",
    customer: "cus_1",
    status: "active",
    created: 1_790_000_000,
  });
  const read = (object: object, version?: string | null) =>
    readEvent(
      Buffer.from(
        JSON.stringify(
          eventBody({
            id: "evt_1",
            type: "customer.subscription.updated",
            created: 1_790_000_000,
            object,
            ...(version === undefined ? {} : { version }),
          }),
        ),
      ),
    );
  const required = Object.keys(whole).filter((key) =>
    [
      "id",
      "customer",
      "status",
      "created",
      "items",
      "cancel_at_period_end",
      "cancel_at",
      "canceled_at",
      "ended_at",
      "trial_end",
      "trial_start",
      "collection_method",
    ].includes(key),
  );

  it.each(required)("lacks %s: unreadable, never null", (key) => {
    const object: Record<string, unknown> = { ...whole };
    delete object[key];
    expect(read(object)).toMatchObject({
      kind: "unreadable",
      reason: expect.stringContaining(key),
    });
  });

  it.each(["2019-12-03", "2027-01-01.fennel", "yesterday", null])(
    "comes in version %s: unreadable, with the object to ask for",
    (version) => {
      expect(read(whole, version)).toMatchObject({
        kind: "unreadable",
        object: { kind: "subscription", id: "sub_1" },
      });
    },
  );

  it("has the period of the other generation: unreadable", () => {
    expect(read(whole, "2024-06-20")).toMatchObject({ kind: "unreadable" });
  });

  it.each(["", "{", "[]", "null", "\u0000"])("is %j: unreadable without an object", (body) => {
    expect(readEvent(Buffer.from(body))).toMatchObject({ kind: "unreadable", object: null });
  });
});

it("knows the generations by their versions", () => {
  expect(generationOf("2020-08-27")).toBe("classic");
  expect(generationOf("2024-09-30.acacia")).toBe("classic");
  expect(generationOf("2025-03-31.basil")).toBe("basil");
  expect(generationOf("2026-10-28.endive")).toBe("basil");
  expect(generationOf("2026-12-16.endive")).toBe("basil");
});
