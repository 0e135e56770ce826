import { merkleRoot, numbersOf } from "#platform/hash-chain.ts";

import type { Anchor, EntryText, Finding, Seal, SegmentCheck } from "./model.ts";
import { entryLeaf, sealHash, segmentLeaf, splitLeaves } from "./seal.core.ts";

function finding(
  kind: Finding["kind"],
  seal: number | null,
  entryId: number | null,
  what: string,
): Finding {
  return { kind, seal, entryId: entryId === null ? null : String(entryId), what };
}

/** What the chain must look like before `seal`: the seal before it, or the start. */
export interface Link {
  readonly n: number;
  readonly hash: Buffer;
}

/** The seal itself: its place in the chain, its own hash, its signature (`signed` is null where the key is unknown). */
export function checkSeal(seal: Seal, before: Link, signed: boolean | null): readonly Finding[] {
  const findings: Finding[] = [];
  if (seal.n !== before.n + 1) {
    findings.push(
      finding(
        "broken-chain",
        seal.n,
        null,
        `Seal ${seal.n} follows seal ${before.n}: what lay between is gone.`,
      ),
    );
  } else if (!seal.previous.equals(before.hash)) {
    findings.push(
      finding(
        "broken-chain",
        seal.n,
        null,
        `Seal ${seal.n} names another predecessor than seal ${before.n}.`,
      ),
    );
  }
  if (
    !sealHash(seal).equals(seal.hash) ||
    !merkleRoot(splitLeaves(seal.leaves)).equals(seal.root)
  ) {
    findings.push(
      finding("rewritten", seal.n, null, `Seal ${seal.n} does not hash to what it says of itself.`),
    );
  }
  if (signed !== true) {
    const why =
      signed === null ? `its key ${seal.keyId} is not known here` : "its signature is wrong";
    findings.push(
      finding("bad-signature", seal.n, null, `Seal ${seal.n} was not made by our sealer: ${why}.`),
    );
  }
  return findings;
}

interface Line {
  readonly id: number;
  readonly leaf: Buffer;
  readonly whole: boolean;
}

/** The lines under a seal, compared leaf by leaf. `segments` may lack what retention has taken: their leaves remain. */
export function checkLines(
  seal: Seal,
  entries: readonly EntryText[],
  segments: readonly SegmentCheck[],
): readonly Finding[] {
  const leaves = splitLeaves(seal.leaves);
  const entryIds = numbersOf(seal.entryIds);
  const expected = new Set(leaves.map((leaf) => leaf.toString("hex")));
  const lines = new Map<number, Line>(
    entries.map((entry) => [
      entry.id,
      {
        id: entry.id,
        leaf: entryLeaf(entry),
        whole: entry.payloadHash === entry.actualPayloadHash,
      },
    ]),
  );
  const findings = entryIds.flatMap((id, position) =>
    checkLine(seal.n, id, lines.get(id), { leaf: leaves[position], expected }),
  );
  const segmentIds = numbersOf(seal.segmentIds);
  const places = new Map(segmentIds.map((id, index) => [id, entryIds.length + index]));
  for (const segment of segments) {
    const leaf = leaves[places.get(segment.id) ?? -1];
    const holds = segment.bodyHolds !== false && leaf?.equals(segmentLeaf(segment));
    if (holds !== true) {
      findings.push(
        finding(
          "edited",
          seal.n,
          null,
          `Segment ${segment.id} of the inbox was changed after it was sealed.`,
        ),
      );
    }
  }
  return findings;
}

function checkLine(
  n: number,
  id: number,
  line: Line | undefined,
  sealed: { readonly leaf: Buffer | undefined; readonly expected: ReadonlySet<string> },
): readonly Finding[] {
  if (line === undefined) {
    return [finding("deleted", n, id, `Line ${id} was sealed and is gone.`)];
  }
  if (sealed.leaf === undefined || !line.leaf.equals(sealed.leaf)) {
    return sealed.expected.has(line.leaf.toString("hex"))
      ? [finding("reordered", n, id, `Line ${id} holds what was sealed at another place.`)]
      : [finding("edited", n, id, `Line ${id} was changed after it was sealed.`)];
  }
  return line.whole
    ? []
    : [finding("edited", n, id, `The detail of line ${id} was changed after it was sealed.`)];
}

/** The chain against what was written outside the database. */
export function checkAnchors(
  seals: ReadonlyMap<number, string>,
  anchors: readonly Anchor[],
  range: { readonly from: number; readonly head: number },
): readonly Finding[] {
  const highest = anchors.reduce((most, anchor) => Math.max(most, anchor.n), 0);
  const reported = new Set<number>();
  const findings: Finding[] = [];
  for (const anchor of anchors) {
    const hash = seals.get(anchor.n);
    if (
      anchor.n >= range.from &&
      hash !== undefined &&
      hash !== anchor.hash &&
      !reported.has(anchor.n)
    ) {
      reported.add(anchor.n);
      findings.push(
        finding(
          "rewritten",
          anchor.n,
          null,
          `Seal ${anchor.n} is not the one that was written down outside the database.`,
        ),
      );
    }
  }
  if (highest > range.head) {
    findings.push(
      finding(
        "tail-cut",
        range.head,
        null,
        `The chain ends at seal ${range.head}; seal ${highest} was written down outside the database.`,
      ),
    );
  }
  return findings;
}

/** How long a line may wait for its seal before that is an alarm. */
const SEAL_LATE_MS = 60_000;

/** Lines that no seal covers: new ones wait for the next pass; one that lay under the last pass was slipped in. */
export function checkUncovered(
  lines: readonly { readonly id: number; readonly recordedAt: Date; readonly seen: boolean }[],
  now: Date,
): readonly Finding[] {
  return lines.flatMap((line) => {
    if (line.seen) {
      return [
        finding(
          "inserted",
          null,
          line.id,
          `Line ${line.id} was put in beside the log: no seal has ever covered it.`,
        ),
      ];
    }
    const late = now.getTime() - line.recordedAt.getTime() > SEAL_LATE_MS;
    return late
      ? [
          finding(
            "unsealed",
            null,
            line.id,
            `Line ${line.id} waits for its seal for more than a minute.`,
          ),
        ]
      : [];
  });
}
