import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { SealKey, SealVerifier } from "./ports.ts";

const PRIVATE_NAME = "audit-seal.pem";
const PUBLIC_PREFIX = "audit-seal-";

function idOf(publicKey: KeyObject): string {
  const der = publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

/**
 * The Ed25519 key of the seals in `folder` (PURSER_DATA/keys), made at first use with mode 0600. The
 * public half lies beside it under its id and is what verification needs.
 */
export function openSealKey(folder: string): SealKey {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, PRIVATE_NAME);
  if (!existsSync(path)) {
    const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" });
    try {
      // 'wx': two processes at first start must not seal with two keys.
      writeFileSync(path, pem, { mode: 0o600, flag: "wx" });
    } catch (error) {
      if (!existsSync(path)) {
        throw error;
      }
    }
  }
  const privateKey = createPrivateKey(readFileSync(path, "utf8"));
  const publicKey = createPublicKey(privateKey);
  const id = idOf(publicKey);
  const publicPath = join(folder, `${PUBLIC_PREFIX}${id}.pub`);
  if (!existsSync(publicPath)) {
    writeFileSync(publicPath, publicKey.export({ format: "pem", type: "spki" }), { mode: 0o644 });
  }
  return { id, sign: (hash) => sign(null, hash, privateKey) };
}

/** Verifies with the public keys in `folder`; reads them again when a seal names one that it has not seen. */
export function openSealVerifier(folder: string): SealVerifier {
  const keys = new Map<string, KeyObject>();
  const load = (): void => {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    for (const name of names.filter((each) => each.startsWith(PUBLIC_PREFIX))) {
      const key = createPublicKey(readFileSync(join(folder, name), "utf8"));
      keys.set(idOf(key), key);
    }
  };
  return {
    verify: (keyId, hash, signature) => {
      if (!keys.has(keyId)) {
        load();
      }
      const key = keys.get(keyId);
      return key === undefined ? null : verify(null, hash, key, signature);
    },
  };
}
