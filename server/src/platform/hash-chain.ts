import { createHash } from "node:crypto";

/**
 * Canonical bytes of a record: its fields in a fixed order as netstrings (`<bytes>:<utf8>,`), null as
 * `-`. Lengths make every encoding distinct, so ("ab","c") and ("a","bc") never hash alike; text is
 * taken byte for byte, without Unicode normalisation, and numbers are given as text.
 */
export function canonicalBytes(fields: readonly (string | null)[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (field === null) {
        return Buffer.from("-", "ascii");
      }
      const bytes = Buffer.from(field, "utf8");
      return Buffer.concat([Buffer.from(`${bytes.length}:`, "ascii"), bytes, Buffer.from(",")]);
    }),
  );
}

export function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** RFC 6962 section 2.1: leaves and nodes are hashed under different prefixes, so no node can pose as a leaf. */
export function leafHash(bytes: Buffer): Buffer {
  return createHash("sha256").update(Uint8Array.of(0)).update(bytes).digest();
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return createHash("sha256").update(Uint8Array.of(1)).update(left).update(right).digest();
}

const EMPTY_ROOT = sha256(Buffer.alloc(0));

/** The largest power of two below `count`: where RFC 6962 splits a tree. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) {
    split *= 2;
  }
  return split;
}

/** Root of the Merkle tree over leaf hashes, by RFC 6962. */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  // Levels from below give the same tree as the recursive definition: only the last node of a level can be without a partner.
  let level = leaves;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const left = level[index] ?? EMPTY_ROOT;
      const right = level[index + 1];
      above.push(right === undefined ? left : nodeHash(left, right));
    }
    level = above;
  }
  return level[0] ?? EMPTY_ROOT;
}

/** The hashes that lead from one leaf to the root, from below (RFC 6962 section 2.1.1). */
export function inclusionPath(leaves: readonly Buffer[], position: number): readonly Buffer[] {
  if (leaves.length <= 1) {
    return [];
  }
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return position < split
    ? [...inclusionPath(left, position), merkleRoot(right)]
    : [...inclusionPath(right, position - split), merkleRoot(left)];
}

/** The root that a path implies for a leaf at `position` of `count`; compare it with the signed one. */
export function rootFromPath(
  leaf: Buffer,
  place: { readonly position: number; readonly count: number },
  path: readonly Buffer[],
): Buffer {
  if (place.count <= 1) {
    return path.length === 0 ? leaf : EMPTY_ROOT;
  }
  const sibling = path.at(-1);
  if (sibling === undefined) {
    return EMPTY_ROOT;
  }
  const split = splitOf(place.count);
  const below = path.slice(0, -1);
  return place.position < split
    ? nodeHash(rootFromPath(leaf, { position: place.position, count: split }, below), sibling)
    : nodeHash(
        sibling,
        rootFromPath(leaf, { position: place.position - split, count: place.count - split }, below),
      );
}

/** Whole numbers as ranges, in the text that Postgres prints for an int8multirange: `{[1,4),[7,8)}`. */
export function rangesOf(ascending: readonly number[]): string {
  const parts: string[] = [];
  let start: number | null = null;
  let end = 0;
  for (const value of ascending) {
    if (start !== null && value === end) {
      end += 1;
      continue;
    }
    if (start !== null) {
      parts.push(`[${start},${end})`);
    }
    start = value;
    end = value + 1;
  }
  if (start !== null) {
    parts.push(`[${start},${end})`);
  }
  return `{${parts.join(",")}}`;
}

/** The reverse of {@link rangesOf}. */
export function numbersOf(ranges: string): readonly number[] {
  const numbers: number[] = [];
  for (const [, from, to] of ranges.matchAll(/\[(\d+),(\d+)\)/gu)) {
    for (let value = Number(from); value < Number(to); value += 1) {
      numbers.push(value);
    }
  }
  return numbers;
}
