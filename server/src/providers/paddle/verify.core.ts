import type { Verified, WebhookRequest } from "#domains/inbox/ports.ts";
import { readSignatureHeader, refused, verifyTimestamped } from "#domains/inbox/signature.core.ts";

/** `Paddle-Signature: ts=<seconds>;h1=<hex>[;h1=<hex>]`, HMAC-SHA256 over `ts:body` (developer.paddle.com/webhooks/signature-verification). */
export function verifyPaddle(
  request: Pick<WebhookRequest, "header" | "body">,
  secrets: readonly string[],
  now: Date,
): Verified {
  const header = request.header("paddle-signature");
  if (header === undefined || header === "") {
    return refused("header_missing", "There is no Paddle-Signature header.");
  }
  const signed = readSignatureHeader(header, { separator: ";", time: "ts", signature: "h1" });
  return signed === null
    ? refused("header_malformed", "Paddle-Signature is not of the form ts=...;h1=...")
    : verifyTimestamped(signed, { body: request.body, joint: ":" }, secrets, now);
}
