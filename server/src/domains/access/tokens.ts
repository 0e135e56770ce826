import { createHash, randomBytes } from "node:crypto";

const PREFIX = "psr_";
const SHOWN = PREFIX.length + 8;

export function hashOfSecret(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

export function prefixOf(secret: string): string {
  return secret.slice(0, Math.min(SHOWN, Math.floor(secret.length / 2)));
}

/** 160 bits behind a prefix that secret scanners can look for. */
export function newSecret(): string {
  return `${PREFIX}${randomBytes(20).toString("hex")}`;
}

/** The secret of an `Authorization: Bearer` header, or null. */
export function bearerOf(header: string | readonly string[] | undefined): string | null {
  if (typeof header !== "string") {
    return null;
  }
  return /^Bearer ([\x21-\x7e]{16,200})$/iu.exec(header)?.[1] ?? null;
}
