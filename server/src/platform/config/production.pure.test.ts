import { randomBytes } from "node:crypto";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readConfig } from "./env.ts";
import { weaknessOf } from "./production.ts";

const random = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** A production that may start; empty means unset, whatever the environment of who runs the tests says. */
const GOOD = {
  NODE_ENV: "production",
  PURSER_DEMO: "",
  PURSER_SANDBOX: "",
  PURSER_HOST: "0.0.0.0",
  PURSER_MASTER_KEY: random(32),
  PURSER_MASTER_KEY_FILE: "",
  PURSER_ADMIN_TOKEN: "",
  ADMIN_TOKEN: "",
  PURSER_METRICS_TOKEN: random(24),
  PURSER_PUBLIC_URL: "https://billing.example",
  STRIPE_API_KEY: `sk_live_${random(24)}`,
  STRIPE_API_BASE: "",
  STRIPE_WEBHOOK_SECRET: `whsec_${random(24)}`,
  PADDLE_WEBHOOK_SECRET_KEY: `pdl_ntfset_${random(24)}`,
  PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV: "",
  TWILIO_AUTH_TOKEN: randomBytes(16).toString("hex"),
};

const start = (change: Partial<typeof GOOD> = {}): unknown => readConfig({ ...GOOD, ...change });

describe("production", () => {
  it("starts with what a careful operator sets", () => {
    expect(start()).toMatchObject({ production: true, demo: false, sandbox: false });
    expect(start({ PURSER_METRICS_TOKEN: "", PURSER_HOST: "127.0.0.1" })).toBeDefined();
    expect(start({ PURSER_PUBLIC_URL: "http://127.0.0.1:4000" })).toBeDefined();
    const testKey = { STRIPE_API_KEY: "sk_test_123", STRIPE_API_BASE: "http://127.0.0.1:4010" };
    expect(start(testKey)).toBeDefined();
  });

  it.each([
    [{ STRIPE_WEBHOOK_SECRET: "whsec_test" }, /STRIPE_WEBHOOK_SECRET is a well-known default/],
    [
      { STRIPE_WEBHOOK_SECRET: "whsec_test,secret" },
      /STRIPE_WEBHOOK_SECRET is a well-known default \(number 2 of/,
    ],
    [
      { STRIPE_WEBHOOK_SECRET: `${GOOD.STRIPE_WEBHOOK_SECRET},whsec_sandbox_${random(24)}` },
      /STRIPE_WEBHOOK_SECRET is a well-known default \(number 2/,
    ],
    [{ STRIPE_WEBHOOK_SECRET: "whsec_9f8a7b" }, /STRIPE_WEBHOOK_SECRET is too short/],
    [{ TWILIO_AUTH_TOKEN: "test" }, /TWILIO_AUTH_TOKEN is a well-known default/],
    [{ TWILIO_AUTH_TOKEN: "0".repeat(32) }, /TWILIO_AUTH_TOKEN repeats itself/],
    [{ PADDLE_WEBHOOK_SECRET_KEY: "pdl_ntfset_secret" }, /PADDLE_WEBHOOK_SECRET_KEY is a well/],
    [{ PURSER_MASTER_KEY: "a".repeat(32) }, /PURSER_MASTER_KEY repeats itself/],
    [{ PURSER_MASTER_KEY: "abcabcab".repeat(8) }, /PURSER_MASTER_KEY repeats itself/],
    [{ PURSER_ADMIN_TOKEN: "psr_changeme_changeme_changeme" }, /PURSER_ADMIN_TOKEN is a well/],
    [{ PURSER_PUBLIC_URL: "http://billing.example" }, /PURSER_PUBLIC_URL must be https/],
    [{ STRIPE_API_BASE: "http://stripe.internal" }, /STRIPE_API_BASE must be https/],
    [{ PURSER_METRICS_TOKEN: "" }, /PURSER_METRICS_TOKEN is required where PURSER_HOST is 0.0.0.0/],
    [{ PURSER_MASTER_KEY: "" }, /PURSER_MASTER_KEY or PURSER_MASTER_KEY_FILE is required/],
    [{ PURSER_DEMO: "on" }, /PURSER_DEMO=on is refused/],
  ])("refuses %j", (change, words) => {
    expect(() => start(change)).toThrow(words);
  });

  it("names every mistake at once, and no secret", () => {
    const secret = "hunter2hunter2";
    let said = "";
    try {
      start({
        TWILIO_AUTH_TOKEN: secret,
        PURSER_PUBLIC_URL: "http://x.example",
        PURSER_DEMO: "on",
      });
    } catch (error) {
      said = String(error);
    }
    expect(said.match(/\n {2}- /g)).toHaveLength(3);
    expect(said).not.toContain("hunter");
  });
});

describe("a secret made at random", () => {
  it("is never called weak, hexadecimal or base64", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), () => {
        expect(weaknessOf(randomBytes(16).toString("hex"), 20)).toBeNull();
        expect(weaknessOf(`whsec_${randomBytes(24).toString("base64")}`, 20)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });
});
