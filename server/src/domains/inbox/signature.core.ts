import { createHmac, timingSafeEqual } from "node:crypto";

import type { Refusal, Verified } from "./ports.ts";

/** Seconds that a provider's clock and ours may be apart, either way. */
const TOLERANCE_S = 300;
/** A header with thousands of signatures must not buy thousands of comparisons. */
const MAX_CANDIDATES = 8;
const MAX_HEADER = 4096;
/** Looking for the cause of a refusal costs a parse; a hostile megabyte does not get one. */
const MAX_DIAGNOSED_BYTES = 65_536;

export interface SignatureHeader {
  readonly timestamp: string;
  readonly signatures: readonly Buffer[];
}

/** Reads `t=1,v1=ab,v1=cd` (Stripe) or `ts=1;h1=ab;h1=cd` (Paddle). null where it is not of that form. */
export function readSignatureHeader(
  header: string,
  form: { readonly separator: string; readonly time: string; readonly signature: string },
): SignatureHeader | null {
  if (header.length > MAX_HEADER) {
    return null;
  }
  let timestamp: string | null = null;
  const signatures: Buffer[] = [];
  for (const part of header.split(form.separator)) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    if (name === form.time && timestamp === null) {
      timestamp = value;
    } else if (name === form.signature && signatures.length < MAX_CANDIDATES) {
      if (/^[0-9a-f]{64}$/i.test(value)) {
        signatures.push(Buffer.from(value, "hex"));
      }
    }
  }
  return timestamp !== null && /^\d{1,12}$/.test(timestamp) && signatures.length > 0
    ? { timestamp, signatures }
    : null;
}

/** Index of the first secret that made one of the candidates, or -1. Tries all of them: the time taken tells nothing. */
export function matchingSecret(
  secrets: readonly string[],
  candidates: readonly Buffer[],
  sign: (secret: string) => Buffer,
): number {
  let found = -1;
  for (const [index, secret] of secrets.entries()) {
    const expected = sign(secret);
    for (const candidate of candidates) {
      const same = candidate.length === expected.length && timingSafeEqual(candidate, expected);
      found = same && found < 0 ? index : found;
    }
  }
  return found;
}

function hmacSha256(secret: string, prefix: string, body: Buffer): Buffer {
  return createHmac("sha256", secret).update(prefix).update(body).digest();
}

export function refused(refusal: Refusal, detail: string): Verified {
  return { ok: false, refusal, detail };
}

/**
 * The verdict on a timestamped HMAC-SHA256 over the raw body. The signature is judged before the
 * clock, so that "stale" is only ever said of a message that the provider did sign.
 */
export function verifyTimestamped(
  signed: SignatureHeader,
  message: { readonly body: Buffer; readonly joint: string },
  secrets: readonly string[],
  now: Date,
): Verified {
  const prefix = `${signed.timestamp}${message.joint}`;
  const secret = matchingSecret(secrets, signed.signatures, (key) =>
    hmacSha256(key, prefix, message.body),
  );
  const age = now.getTime() / 1000 - Number(signed.timestamp);
  if (secret < 0) {
    const changed = matchesReserialised(message.body, (body) =>
      matchingSecret(secrets, signed.signatures, (key) => hmacSha256(key, prefix, body)),
    );
    return changed
      ? refused(
          "body_changed",
          "The signature fits the same JSON written differently: something between the provider and here rewrites the body.",
        )
      : refused("wrong_secret", "No secret of this endpoint made this signature.");
  }
  if (age > TOLERANCE_S) {
    return refused(
      "timestamp_stale",
      `Signed ${String(Math.round(age))} s ago: a late delivery, a replay, or a clock that is off.`,
    );
  }
  if (age < -TOLERANCE_S) {
    return refused(
      "timestamp_future",
      `Signed ${String(Math.round(-age))} s in the future: this machine's clock is behind.`,
    );
  }
  return { ok: true, secret };
}

function matchesReserialised(body: Buffer, match: (body: Buffer) => number): boolean {
  if (body.length > MAX_DIAGNOSED_BYTES) {
    return false;
  }
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    // Parsing takes any depth, writing does not: thousands of brackets end it with a RangeError.
    return [undefined, 2, 4].some(
      (indent) => match(Buffer.from(JSON.stringify(value, null, indent))) >= 0,
    );
  } catch {
    return false;
  }
}
