import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  canonicalBytes,
  inclusionPath,
  leafHash,
  merkleRoot,
  numbersOf,
  rangesOf,
  rootFromPath,
} from "./hash-chain.ts";

const leavesOf = (texts: readonly string[]) => texts.map((text) => leafHash(Buffer.from(text)));
const field = fc.option(fc.string({ unit: "binary" }));

describe("canonical bytes", () => {
  test("different records never share an encoding", () => {
    fc.assert(
      fc.property(fc.array(field), fc.array(field), (left, right) => {
        const same = JSON.stringify(left) === JSON.stringify(right);
        // A lone surrogate has no UTF-8 of its own; the database cannot hold one either.
        fc.pre([...left, ...right].every((text) => text === null || text.isWellFormed()));
        expect(canonicalBytes(left).equals(canonicalBytes(right))).toBe(same);
      }),
    );
  });

  test("the empty text and null are different", () => {
    expect(canonicalBytes([""]).toString()).toBe("0:,");
    expect(canonicalBytes([null]).toString()).toBe("-");
  });
});

describe("Merkle tree", () => {
  test("gives the roots of RFC 6962's reference log", () => {
    // certificate-transparency/go/merkletree: test vectors for the inputs "", 00, 10, 2021, 3031, 40414243, ...
    const inputs = [
      "",
      "00",
      "10",
      "2021",
      "3031",
      "40414243",
      "5051525354555657",
      "606162636465666768696a6b6c6d6e6f",
    ];
    const leaves = inputs.map((hex) => leafHash(Buffer.from(hex, "hex")));
    const roots = [1, 2, 3, 5, 8].map((count) =>
      merkleRoot(leaves.slice(0, count)).toString("hex"),
    );
    expect(roots).toEqual([
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]);
  });

  test("every leaf's path leads to the root, and another leaf's text does not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 1, maxLength: 40 }),
        fc.nat(),
        (texts, pick) => {
          const leaves = leavesOf(texts);
          const position = pick % leaves.length;
          const place = { position, count: leaves.length };
          const path = inclusionPath(leaves, position);
          const root = merkleRoot(leaves);
          expect(rootFromPath(leavesOf(texts)[position] ?? root, place, path)).toEqual(root);
          const forged = leafHash(Buffer.from(`${texts[position] ?? ""}!`));
          expect(rootFromPath(forged, place, path)).not.toEqual(root);
        },
      ),
    );
  });
});

test("ranges hold exactly the numbers they were made of", () => {
  expect(rangesOf([1, 2, 3, 7])).toBe("{[1,4),[7,8)}");
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1000)), (numbers) => {
      const ascending = numbers.toSorted((a, b) => a - b);
      expect(numbersOf(rangesOf(ascending))).toEqual(ascending);
    }),
  );
});
