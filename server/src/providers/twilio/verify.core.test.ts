import { createHash } from "node:crypto";

import fc from "fast-check";
import twilio from "twilio";
import { describe, expect, test } from "vitest";

import { labelTwilio } from "./label.core.ts";
// twilio/twilio-node, MIT; commit and path are in the file.
import vectors from "./testdata/twilio-signature.json" with { type: "json" };
import { verifyTwilio } from "./verify.core.ts";

interface Vector {
  readonly name: string;
  readonly token: string;
  readonly url: string;
  readonly signature: string;
  readonly valid: boolean;
  readonly params?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string;
}

function form(params: Vector["params"]): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) {
      pairs.append(name, one);
    }
  }
  return pairs.toString();
}

function verified(vector: Vector): boolean {
  const isJson = vector.body !== undefined;
  const headers: Readonly<Record<string, string>> = {
    "x-twilio-signature": vector.signature,
    "content-type": isJson ? "application/json" : "application/x-www-form-urlencoded",
  };
  return verifyTwilio(
    {
      header: (name) => headers[name],
      body: Buffer.from(vector.body ?? form(vector.params)),
      publicUrl: vector.url,
      path: "/",
    },
    [vector.token],
  ).ok;
}

describe("Twilio's signature", () => {
  const all: readonly Vector[] = vectors.vectors;
  test.each(all)("official vector: $name", (vector) => {
    expect(verified(vector)).toBe(vector.valid);
  });

  test("what the official SDK signs is accepted under either token, and one changed value is not", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Za-z]{1,10}$/), fc.string()), (params) => {
        const url = "https://example.com/api/webhooks/twilio/sms?x=1";
        const signature = twilio.getExpectedTwilioSignature("token", url, params);
        const headers: Readonly<Record<string, string>> = {
          "x-twilio-signature": signature,
          "content-type": "application/x-www-form-urlencoded",
        };
        const ask = (body: string) =>
          verifyTwilio(
            { header: (name) => headers[name], body: Buffer.from(body), publicUrl: url, path: "/" },
            ["secondary", "token"],
          );
        expect(ask(form(params))).toEqual({ ok: true, secret: 1 });
        expect(ask(form({ ...params, Extra: "1" })).ok).toBe(false);
      }),
    );
  });

  test("without a configured address nothing is believed: Host is anyone's word", () => {
    expect(
      verifyTwilio(
        {
          header: () => Buffer.alloc(20).toString("base64"),
          body: Buffer.alloc(0),
          publicUrl: null,
          path: "/",
        },
        ["t"],
      ),
    ).toMatchObject({
      ok: false,
      refusal: "url_unknown",
    });
  });

  test("a JSON body that is not the one in bodySHA256 is refused", () => {
    const hash = createHash("sha256").update("{}").digest("hex");
    const url = `https://example.com/x?bodySHA256=${hash}`;
    const headers: Readonly<Record<string, string>> = {
      "x-twilio-signature": twilio.getExpectedTwilioSignature("token", url, {}),
      "content-type": "application/json",
    };
    const ask = (body: string) =>
      verifyTwilio(
        { header: (name) => headers[name], body: Buffer.from(body), publicUrl: url, path: "/" },
        ["token"],
      );
    expect(ask("{}").ok).toBe(true);
    expect(ask('{"a":1}')).toMatchObject({ ok: false, refusal: "body_changed" });
  });
});

describe("Twilio's label", () => {
  const ask = (params: Readonly<Record<string, string>>) =>
    labelTwilio({
      header: (name) => (name === "content-type" ? "application/x-www-form-urlencoded" : undefined),
      body: Buffer.from(form(params)),
      publicUrl: null,
      path: "/",
    });

  test("what a person texts goes first, whatever it says", () => {
    expect(
      ask({
        MessageSid: "SM1",
        From: "+15550001",
        To: "+15550002",
        Body: "stop please",
        SmsStatus: "received",
      }),
    ).toMatchObject({
      ok: true,
      lane: 0,
      okey: "phone:+15550001",
      eventType: "message.received.received",
    });
  });

  test("two states of one message are two events, one state twice is one", () => {
    const id = (status: string): unknown => {
      const label = ask({ MessageSid: "SM1", MessageStatus: status, To: "+15550001" });
      return label.ok ? label.externalId : null;
    };
    expect(id("sent")).not.toBe(id("delivered"));
    expect(id("sent")).toBe(id("sent"));
  });
});
