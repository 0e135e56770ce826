import type { Verified, WebhookRequest } from "#domains/inbox/ports.ts";
import { readSignatureHeader, refused, verifyTimestamped } from "#domains/inbox/signature.core.ts";

/** `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`, HMAC-SHA256 over `t.body` (docs.stripe.com/webhooks/signatures). */
export function verifyStripe(
  request: Pick<WebhookRequest, "header" | "body">,
  secrets: readonly string[],
  now: Date,
): Verified {
  const header = request.header("stripe-signature");
  if (header === undefined || header === "") {
    return refused("header_missing", "There is no Stripe-Signature header.");
  }
  const signed = readSignatureHeader(header, { separator: ",", time: "t", signature: "v1" });
  return signed === null
    ? refused("header_malformed", "Stripe-Signature is not of the form t=...,v1=...")
    : verifyTimestamped(signed, { body: request.body, joint: "." }, secrets, now);
}
