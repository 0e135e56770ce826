import { createHmac } from "node:crypto";

import fc from "fast-check";
import Stripe from "stripe";
import { describe, expect, test } from "vitest";

import { labelStripe } from "./label.core.ts";
import { verifyStripe } from "./verify.core.ts";

const NOW = new Date("2026-11-21T10:00:00Z");
const NOW_S = NOW.getTime() / 1000;
const SECRET = "whsec_current";

function header(value: string | undefined) {
  return (name: string): string | undefined => (name === "stripe-signature" ? value : undefined);
}

function sign(body: Buffer, secret: string, atS: number): string {
  return createHmac("sha256", secret)
    .update(`${String(atS)}.`)
    .update(body)
    .digest("hex");
}

function verdict(
  body: Buffer,
  value: string | undefined,
  secrets: readonly string[] = [SECRET],
): string {
  const verified = verifyStripe({ header: header(value), body }, secrets, NOW);
  return verified.ok ? `secret ${String(verified.secret)}` : verified.refusal;
}

describe("Stripe's signature", () => {
  test("what the official SDK signs is accepted, and what we accept the official SDK accepts", () => {
    const stripe = new Stripe("sk_test_x");
    fc.assert(
      fc.property(
        fc.json(),
        fc.string({ minLength: 1 }),
        fc.integer({ min: -299, max: 299 }),
        (payload, secret, ageS) => {
          const value = stripe.webhooks.generateTestHeaderString({
            payload,
            secret,
            timestamp: NOW_S - ageS,
          });
          expect(verdict(Buffer.from(payload), value, [secret])).toBe("secret 0");
          expect(verdict(Buffer.from(`${payload} `), value, [secret])).not.toBe("secret 0");
        },
      ),
    );
  });

  test("every single flipped bit of the body, the time and the signature is refused (F3)", () => {
    const body = Buffer.from(JSON.stringify({ id: "evt_1", filler: "y".repeat(270) }));
    const value = `t=${String(NOW_S)},v1=${sign(body, SECRET, NOW_S)}`;
    expect(verdict(body, value)).toBe("secret 0");
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const flipped = Buffer.from(body);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verdict(flipped, value)).toBe("wrong_secret");
    }
    for (let at = 2; at < value.length; at += 1) {
      const changed = value.slice(0, at) + (value[at] === "0" ? "1" : "0") + value.slice(at + 1);
      expect(verdict(body, changed)).not.toBe("secret 0");
    }
  });

  test.each([
    [299, "secret 0"],
    [300, "secret 0"],
    [301, "timestamp_stale"],
    [-300, "secret 0"],
    [-301, "timestamp_future"],
  ])("%i seconds old: %s (F4, F5)", (ageS, expected) => {
    const body = Buffer.from("{}");
    expect(verdict(body, `t=${String(NOW_S - ageS)},v1=${sign(body, SECRET, NOW_S - ageS)}`)).toBe(
      expected,
    );
  });

  test("during a rotation any secret may have made any of the signatures (F6)", () => {
    const body = Buffer.from("{}");
    const old = sign(body, "whsec_old", NOW_S);
    const young = sign(body, "whsec_new", NOW_S);
    const both = ["whsec_new", "whsec_old"];
    expect(verdict(body, `t=${String(NOW_S)},v1=${old}`, both)).toBe("secret 1");
    expect(verdict(body, `t=${String(NOW_S)},v1=${young}`, both)).toBe("secret 0");
    expect(verdict(body, `t=${String(NOW_S)},v1=${old},v1=${young}`, ["whsec_new"])).toBe(
      "secret 0",
    );
    expect(verdict(body, `t=${String(NOW_S)},v1=${old},v1=${young}`, ["whsec_old"])).toBe(
      "secret 0",
    );
    expect(verdict(body, `t=${String(NOW_S)},v1=${old}`, ["whsec_new"])).toBe("wrong_secret");
  });

  test("a bomb of signatures costs at most eight comparisons (F7)", () => {
    const body = Buffer.from("{}");
    const bomb = `t=${String(NOW_S)},${Array.from({ length: 50 }, () => `v1=${"0".repeat(64)}`).join(",")},v1=${sign(body, SECRET, NOW_S)}`;
    expect(verdict(body, bomb)).toBe("wrong_secret");
    expect(verdict(body, `t=1,${"v1=ab,".repeat(10_000)}`)).toBe("header_malformed");
  });

  test.each([
    [undefined, "header_missing"],
    ["", "header_missing"],
    ["hello", "header_malformed"],
    ["t=1,v1=", "header_malformed"],
    [`v1=${"a".repeat(64)}`, "header_malformed"],
    [`t=-1,v1=${"a".repeat(64)}`, "header_malformed"],
    [`t=1,v0=${"a".repeat(64)}`, "header_malformed"],
  ])("header %j is refused as %s (F2)", (value, expected) => {
    expect(verdict(Buffer.from("{}"), value)).toBe(expected);
  });

  test("a proxy that writes the JSON anew is found out", () => {
    const sent = Buffer.from('{"id":"evt_1","n":1}');
    const value = `t=${String(NOW_S)},v1=${sign(sent, SECRET, NOW_S)}`;
    expect(verdict(Buffer.from('{ "id": "evt_1", "n": 1 }'), value)).toBe("body_changed");
  });

  test("bytes are signed, not characters: a BOM or broken UTF-8 is verified as it came (F13, F14)", () => {
    for (const body of [
      Buffer.from("\uFEFF{}"),
      Buffer.from([0x7b, 0xff, 0x7d]),
      Buffer.from("{}\r\n "),
    ]) {
      expect(verdict(body, `t=${String(NOW_S)},v1=${sign(body, SECRET, NOW_S)}`)).toBe("secret 0");
    }
  });
});

describe("Stripe's label", () => {
  const event = (object: object, type = "invoice.paid"): Buffer =>
    Buffer.from(
      JSON.stringify({
        id: "evt_1",
        type,
        created: 1_700_000_000,
        livemode: false,
        pending_webhooks: 2,
        data: { object },
      }),
    );

  test.each([
    [{ id: "cus_1", object: "customer" }, "stripe:cus_1"],
    [{ id: "in_1", object: "invoice", customer: "cus_1" }, "stripe:cus_1"],
    [{ id: "sub_1", object: "subscription", customer: { id: "cus_1" } }, "stripe:cus_1"],
    [{ id: "re_1", object: "refund", charge: "ch_1" }, "stripe:ch_1"],
    [{ id: "dp_1", object: "dispute", charge: { id: "ch_1" } }, "stripe:ch_1"],
    [{ id: "price_1", object: "price", product: "prod_1" }, "stripe:prod_1"],
    [{ id: "prod_1", object: "product" }, "stripe:prod_1"],
    [{ id: "po_1", object: "payout" }, "stripe:po_1"],
    [{ object: "balance" }, "stripe:evt_1"],
  ])("%j is of key %s", (object, key) => {
    expect(labelStripe({ body: event(object) })).toMatchObject({ ok: true, okey: key });
  });

  test.each([
    ["invoice.payment_failed", 1],
    ["customer.subscription.deleted", 1],
    ["charge.dispute.created", 1],
    ["customer.updated", 5],
    ["something.new", 5],
  ])("%s goes to lane %i", (type, lane) => {
    expect(labelStripe({ body: event({ id: "x" }, type) })).toMatchObject({ ok: true, lane });
  });

  test("two deliveries of one event that differ in pending_webhooks alone have one fingerprint, others have not", () => {
    const body = event({ id: "in_1" }).toString();
    const print = (text: string): string =>
      labelStripe({ body: Buffer.from(text) }).fingerprint.toString("hex");
    expect(print(body.replace('"pending_webhooks":2', '"pending_webhooks":10'))).toBe(print(body));
    expect(print(body.replace("in_1", "in_2"))).not.toBe(print(body));
  });

  test.each([
    ["invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["a BOM", Buffer.from("\uFEFF{}")],
    ["no JSON", Buffer.from("{")],
    ["an array", Buffer.from("[]")],
    ["no id", Buffer.from('{"type":"x"}')],
    [
      "100,000 levels",
      Buffer.from(`{"id":"evt_1","type":"x","a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    ],
    ["a million values", Buffer.from(`{"id":"evt_1","type":"x","a":[${"1,".repeat(400_000)}1]}`)],
  ])("%s is kept as unreadable, whatever it costs to say so (F13, F15)", (_what, body) => {
    expect(labelStripe({ body })).toMatchObject({ ok: false });
  });

  test("names of the prototype are inert (F16)", () => {
    const body = Buffer.from(
      '{"id":"evt_1","type":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(labelStripe({ body })).toMatchObject({ ok: true });
    expect("polluted" in {}).toBe(false);
  });

  test("no bytes whatever make it throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(labelStripe({ body: Buffer.from(bytes) }).fingerprint).toHaveLength(16);
        },
      ),
    );
  });
});
