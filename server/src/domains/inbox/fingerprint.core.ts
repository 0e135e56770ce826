import { hash } from "node:crypto";

const BYTES = 16;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** 16 bytes of SHA-256: two different bodies of one event id are told apart, also by someone who tries. */
export function fingerprintOf(body: Buffer): Buffer {
  return hash("sha256", body, "buffer").subarray(0, BYTES);
}

/**
 * The same with the digits after `field` blanked. Stripe counts `pending_webhooks` down between two
 * deliveries of one event, which is no conflict.
 */
export function fingerprintWithoutNumber(body: Buffer, field: string): Buffer {
  const at = body.lastIndexOf(field);
  if (at < 0) {
    return fingerprintOf(body);
  }
  let from = at + field.length;
  while (from < body.length && !isDigit(body[from])) {
    from += 1;
  }
  let to = from;
  while (to < body.length && isDigit(body[to])) {
    to += 1;
  }
  const copy = Buffer.from(body);
  copy.copyWithin(from, to);
  return fingerprintOf(copy.subarray(0, copy.length - (to - from)));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}
