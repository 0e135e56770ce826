import { createHmac } from "node:crypto";

/**
 * The Stripe-Signature header: HMAC-SHA256 over `<t>.<body>` with the whole `whsec_...` text as key, hex, scheme v1.
 * `t` in seconds of real time. Source: https://docs.stripe.com/webhooks#verify-manually
 */
export function stripeSignature(body: string, secret: string, t: number): string {
  const v1 = createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
  return `t=${t},v1=${v1}`;
}
