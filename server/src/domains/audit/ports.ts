import type { Anchor } from "./model.ts";

/** The sealing key. It lives outside the database, so that whoever owns the database cannot seal. */
export interface SealKey {
  /** First 16 hex digits of the SHA-256 of the public key. */
  readonly id: string;
  sign(hash: Buffer): Buffer;
}

/** Public halves by id; old ones stay for as long as their seals do. */
export interface SealVerifier {
  /** null where the key is not known here. */
  verify(keyId: string, hash: Buffer, signature: Buffer): boolean | null;
}

/** Where seal hashes are written down outside the database. */
export interface AnchorStore {
  append(anchors: readonly Anchor[]): Promise<void>;
  read(workspaceId: number): Promise<readonly Anchor[]>;
}
