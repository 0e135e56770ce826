import { createHmac } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { labelPaddle } from "./label.core.ts";
// PaddleHQ/paddle-node-sdk, Apache-2.0; commit and path are in the file.
import vectors from "./testdata/paddle-signature.json" with { type: "json" };
import { verifyPaddle } from "./verify.core.ts";

function header(value: string | undefined) {
  return (name: string): string | undefined => (name === "paddle-signature" ? value : undefined);
}

/** The SDK allows five seconds, with which Paddle's own retries fail; ours are the 300 of everybody else. */
const OUR_TOLERANCE = new Set(["6 s old: SDK default tolerance 5 s"]);

describe("Paddle's signature", () => {
  test.each(vectors.vectors)("official vector: $name", (vector) => {
    const verified = verifyPaddle(
      { header: header(vector.header), body: Buffer.from(vector.body) },
      [vector.secret],
      new Date(vector.now),
    );
    expect(verified.ok).toBe(vector.valid || OUR_TOLERANCE.has(vector.name));
  });

  test("any of several h1 counts, not only the last as in the SDK", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 5 }), (text, place) => {
        const body = Buffer.from(text);
        const good = createHmac("sha256", "secret")
          .update("1698796800:")
          .update(body)
          .digest("hex");
        const all = Array.from(
          { length: 6 },
          (_, index) => `h1=${index === place ? good : "0".repeat(64)}`,
        );
        const verified = verifyPaddle(
          { header: header(`ts=1698796800;${all.join(";")}`), body },
          ["other", "secret"],
          new Date(1_698_796_800_000),
        );
        expect(verified).toEqual({ ok: true, secret: 1 });
      }),
    );
  });
});

describe("Paddle's label", () => {
  const event = (data: object, type: string, notification = "ntf_1"): Buffer =>
    Buffer.from(
      JSON.stringify({
        event_id: "evt_1",
        event_type: type,
        occurred_at: "2026-01-01T00:00:00Z",
        notification_id: notification,
        data,
      }),
    );

  test("names the event, its customer and its lane", () => {
    expect(
      labelPaddle({
        body: event({ id: "txn_1", customer_id: "ctm_1" }, "transaction.payment_failed"),
      }),
    ).toMatchObject({
      ok: true,
      externalId: "evt_1",
      okey: "paddle:ctm_1",
      lane: 1,
      occurredAt: new Date("2026-01-01T00:00:00Z"),
    });
  });

  test("a notification that is sent again by hand is the same event", () => {
    const print = (notification: string): string =>
      labelPaddle({
        body: event({ id: "txn_1" }, "transaction.paid", notification),
      }).fingerprint.toString("hex");
    expect(print("ntf_2")).toBe(print("ntf_1"));
  });
});
