import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * A sealed secret is text: `psr1.<key id>.<wrapped data key>.<iv, tag and ciphertext>`, base64url. Each
 * secret has a data key of its own, wrapped by the key that the id names; rotation wraps that data key
 * anew and leaves the ciphertext alone.
 */
export interface SecretBox {
  /** Id of the key that new secrets are wrapped with. */
  readonly keyId: string;
  /** `context` says what the secret belongs to (`workspace:endpoint`); a token moved to another row will not open there. */
  seal(plain: string, context: string): string;
  /** @throws SecretError on another context, an unknown key or a changed token; never with a part of the secret */
  open(token: string, context: string): string;
  /** The same secret wrapped with the current key; the token itself where it is already. */
  rewrap(token: string, context: string): string;
}

export class SecretError extends Error {
  override readonly name = "SecretError";
}

interface MasterKey {
  readonly id: string;
  readonly key: Buffer;
}

const VERSION = "psr1";
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LEAST_MASTER = 32;

/** Any text of 32 characters or more becomes a key; HKDF, because such a text is no uniform 256 bits. */
function masterKeyOf(material: string): MasterKey {
  const text = material.trim();
  if (text.length < LEAST_MASTER) {
    throw new SecretError(`The master key needs ${LEAST_MASTER} characters or more.`);
  }
  const key = Buffer.from(hkdfSync("sha256", text, "purser", "secret wrapping key 1", KEY_BYTES));
  // Eight hex digits of a hash of the derived key tell keys apart and say nothing about them.
  return { id: createHash("sha256").update("id").update(key).digest("hex").slice(0, 8), key };
}

function encrypt(key: Buffer, plain: Buffer, aad: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(aad, "utf8"));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function decrypt(key: Buffer, sealed: Buffer, aad: string): Buffer {
  const iv = sealed.subarray(0, IV_BYTES);
  const tag = sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(aad, "utf8"))
    .setAuthTag(tag);
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
}

interface Parts {
  readonly keyId: string;
  readonly wrapped: Buffer;
  readonly sealed: Buffer;
}

function partsOf(token: string): Parts {
  const [version, keyId, wrapped, sealed, ...rest] = token.split(".");
  if (
    version !== VERSION ||
    keyId === undefined ||
    wrapped === undefined ||
    sealed === undefined ||
    rest.length > 0
  ) {
    throw new SecretError("This is no sealed secret.");
  }
  return {
    keyId,
    wrapped: Buffer.from(wrapped, "base64url"),
    sealed: Buffer.from(sealed, "base64url"),
  };
}

/** The wrapping names key and context, so neither can be exchanged. */
const wrapAad = (keyId: string, context: string): string => `wrap:${keyId}:${context}`;
const bodyAad = (context: string): string => `body:${context}`;

function tokenOf(parts: Parts): string {
  const [wrapped, sealed] = [parts.wrapped, parts.sealed].map((bytes) =>
    bytes.toString("base64url"),
  );
  return `${VERSION}.${parts.keyId}.${wrapped}.${sealed}`;
}

/**
 * @param materials the current master key first, then those that it replaced and that old tokens still name
 * @throws SecretError where there is none or one is too short
 */
export function openSecretBox(materials: readonly string[]): SecretBox {
  const keys = materials.map(masterKeyOf);
  const [current] = keys;
  if (current === undefined) {
    throw new SecretError("There is no master key.");
  }
  const byId = new Map(keys.map((key) => [key.id, key]));
  const unwrap = (parts: Parts, context: string): Buffer => {
    const master = byId.get(parts.keyId);
    if (master === undefined) {
      throw new SecretError(`The master key ${parts.keyId} is not here.`);
    }
    try {
      return decrypt(master.key, parts.wrapped, wrapAad(master.id, context));
    } catch {
      throw new SecretError("This secret was changed, or belongs to something else.");
    }
  };
  const wrap = (dataKey: Buffer, context: string): Buffer =>
    encrypt(current.key, dataKey, wrapAad(current.id, context));
  return {
    keyId: current.id,
    seal: (plain, context) => {
      const dataKey = randomBytes(KEY_BYTES);
      const sealed = encrypt(dataKey, Buffer.from(plain, "utf8"), bodyAad(context));
      return tokenOf({ keyId: current.id, wrapped: wrap(dataKey, context), sealed });
    },
    open: (token, context) => {
      const parts = partsOf(token);
      const dataKey = unwrap(parts, context);
      try {
        return decrypt(dataKey, parts.sealed, bodyAad(context)).toString("utf8");
      } catch {
        throw new SecretError("This secret was changed, or belongs to something else.");
      }
    },
    rewrap: (token, context) => {
      const parts = partsOf(token);
      if (parts.keyId === current.id) {
        return token;
      }
      const dataKey = unwrap(parts, context);
      return tokenOf({ keyId: current.id, wrapped: wrap(dataKey, context), sealed: parts.sealed });
    },
  };
}

export interface MasterKeySource {
  /** PURSER_MASTER_KEY: several by comma while rotating, the new one first. */
  readonly key: string | null;
  /** PURSER_MASTER_KEY_FILE: one key a line, the new one first. */
  readonly file: string | null;
  /** Where development keeps a key of its own making, outside the database. */
  readonly developmentFile: string;
  readonly production: boolean;
}

/**
 * The master keys, current one first, and where they come from. In development one is made with mode
 * 0600 at first use.
 *
 * @throws SecretError in production without a key, or where one is too short
 */
export function readMasterKeys(source: MasterKeySource): {
  readonly keys: readonly string[];
  readonly from: string;
} {
  if (source.key !== null) {
    return { keys: listOf(source.key, ","), from: "PURSER_MASTER_KEY" };
  }
  if (source.file !== null) {
    return { keys: listOf(readFileSync(source.file, "utf8"), "\n"), from: source.file };
  }
  if (source.production) {
    throw new SecretError(
      "In production PURSER_MASTER_KEY or PURSER_MASTER_KEY_FILE must be set: without it no secret can be kept.",
    );
  }
  const path = source.developmentFile;
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      writeFileSync(path, `${randomBytes(32).toString("base64url")}\n`, {
        mode: 0o600,
        flag: "wx",
      });
    } catch (error) {
      // Two processes at first start: the other one's key is as good.
      if (!existsSync(path)) {
        throw error;
      }
    }
  }
  return { keys: listOf(readFileSync(path, "utf8"), "\n"), from: path };
}

function listOf(text: string, separator: string): readonly string[] {
  const keys = text
    .split(separator)
    .map((each) => each.trim())
    .filter((each) => each !== "");
  for (const key of keys) {
    masterKeyOf(key);
  }
  if (keys.length === 0) {
    throw new SecretError("The master key is empty.");
  }
  return keys;
}

/** A secret of its own for one purpose (cookie signatures), derived from the current master key; 64 hex digits. */
export function deriveSecret(masterKey: string, purpose: string): string {
  return Buffer.from(
    hkdfSync("sha256", masterKey, "purser", `derived:${purpose}`, KEY_BYTES),
  ).toString("hex");
}
