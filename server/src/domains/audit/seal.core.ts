import { canonicalBytes, leafHash, merkleRoot, rangesOf, sha256 } from "#platform/hash-chain.ts";

import type { EntryText, Seal, SegmentText } from "./model.ts";

const LEAF_BYTES = 32;
/** What stands before the first seal of a chain. */
export const CHAIN_START = sha256(Buffer.from("purser audit chain, version 1", "ascii"));

/**
 * The line's number is not in its leaf: the place in the seal is its order, so lines that changed
 * places are seen as such and not as two edits.
 */
export function entryLeaf(entry: EntryText): Buffer {
  return leafHash(
    canonicalBytes([
      "entry/1",
      String(entry.workspaceId),
      entry.at,
      entry.recordedAt,
      entry.actorKind,
      entry.actorId,
      entry.actorName,
      entry.action,
      entry.subjectKind,
      entry.subjectId,
      entry.organizationId,
      entry.requestId,
      entry.ticket,
      entry.payloadHash,
    ]),
  );
}

export function segmentLeaf(segment: SegmentText): Buffer {
  return leafHash(
    canonicalBytes([
      "segment/1",
      String(segment.workspaceId),
      String(segment.id),
      String(segment.events),
      segment.digest,
    ]),
  );
}

function joinLeaves(leaves: readonly Buffer[]): Buffer {
  return Buffer.concat(leaves);
}

export function splitLeaves(joined: Buffer): readonly Buffer[] {
  return Array.from({ length: Math.floor(joined.length / LEAF_BYTES) }, (_, index) =>
    joined.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES),
  );
}

export type UnsignedSeal = Omit<Seal, "signature">;

/** What the signature is over; the key's name is in it, so a seal cannot be moved to another key. */
export function sealHash(seal: Omit<UnsignedSeal, "hash">): Buffer {
  return sha256(
    canonicalBytes([
      "seal/1",
      String(seal.workspaceId),
      String(seal.n),
      seal.sealedAt,
      seal.entryIds,
      seal.segmentIds,
      String(seal.leaves.length / LEAF_BYTES),
      seal.root.toString("hex"),
      seal.previous.toString("hex"),
      seal.keyId,
    ]),
  );
}

/** The next link of a chain over lines and segments, both ascending by id. */
export function makeSeal(
  head: { readonly workspaceId: number; readonly n: number; readonly hash: Buffer },
  entries: readonly EntryText[],
  segments: readonly SegmentText[],
  stamp: { readonly sealedAt: string; readonly keyId: string },
): UnsignedSeal {
  const leaves = [...entries.map(entryLeaf), ...segments.map(segmentLeaf)];
  const seal = {
    workspaceId: head.workspaceId,
    n: head.n + 1,
    sealedAt: stamp.sealedAt,
    entryIds: rangesOf(entries.map((entry) => entry.id)),
    segmentIds: rangesOf(segments.map((segment) => segment.id)),
    leaves: joinLeaves(leaves),
    root: merkleRoot(leaves),
    previous: head.hash,
    keyId: stamp.keyId,
  };
  return { ...seal, hash: sealHash(seal) };
}
