import type { Tx } from "#platform/db/tx.ts";
import { numbersOf } from "#platform/hash-chain.ts";

import type { Finding } from "./model.ts";
import type { AnchorStore, SealVerifier } from "./ports.ts";
import { CHAIN_START } from "./seal.core.ts";
import { readEntriesById, readSeals, readSegmentsById, readUncovered } from "./store.ts";
import {
  checkAnchors,
  checkLines,
  checkSeal,
  checkUncovered,
  type Link,
} from "./verification.core.ts";

export interface VerifyDeps {
  readonly verifier: SealVerifier;
  readonly anchors: AnchorStore;
}

export interface Verification {
  readonly intact: boolean;
  readonly entries: number;
  readonly segments: number;
  readonly seals: number;
  readonly anchors: number;
  readonly unsealed: number;
  readonly sealLagSeconds: number;
  readonly head: { readonly seal: number; readonly hash: string; readonly sealedAt: string } | null;
  readonly findings: readonly Finding[];
}

const SEALS_AT_ONCE = 200;
/** A chain that is broken everywhere needs no million lines to say so. */
const MOST_FINDINGS = 200;

interface Walk {
  link: Link;
  entries: number;
  segments: number;
  seals: number;
  head: Verification["head"];
  readonly hashes: Map<number, string>;
  readonly findings: Finding[];
}

async function checkPage(
  tx: Tx,
  scope: { readonly workspaceId: number; readonly bodies?: boolean },
  deps: VerifyDeps,
  walk: Walk,
): Promise<boolean> {
  const seals = await readSeals(tx, scope.workspaceId, {
    from: walk.link.n + 1,
    limit: SEALS_AT_ONCE,
  });
  for (const seal of seals) {
    const entryIds = numbersOf(seal.entryIds);
    const entries = await readEntriesById(tx, scope.workspaceId, entryIds);
    const segments = await readSegmentsById(
      tx,
      scope.workspaceId,
      numbersOf(seal.segmentIds),
      scope.bodies ?? false,
    );
    const signed = deps.verifier.verify(seal.keyId, seal.hash, seal.signature);
    walk.findings.push(
      ...checkSeal(seal, walk.link, signed),
      ...checkLines(seal, entries, segments),
    );
    const hash = seal.hash.toString("hex");
    walk.hashes.set(seal.n, hash);
    walk.link = { n: seal.n, hash: seal.hash };
    walk.head = { seal: seal.n, hash, sealedAt: seal.sealedAt };
    walk.entries += entries.length;
    walk.segments += segments.length;
    walk.seals += 1;
  }
  return seals.length === SEALS_AT_ONCE;
}

async function startOf(tx: Tx, workspaceId: number, from: number): Promise<Link> {
  if (from > 1) {
    const [before] = await readSeals(tx, workspaceId, { from: from - 1, limit: 1 });
    if (before !== undefined && before.n === from - 1) {
      return { n: before.n, hash: before.hash };
    }
  }
  return { n: 0, hash: CHAIN_START };
}

/**
 * Recomputes a workspace's chain from seal `from` on and compares it with the anchors: finds lines that
 * were edited, deleted, inserted or moved, and a chain that was cut or written anew.
 */
export async function verifyLog(
  tx: Tx,
  scope: {
    readonly workspaceId: number;
    readonly from: number;
    readonly now: Date;
    readonly bodies?: boolean;
  },
  deps: VerifyDeps,
): Promise<Verification> {
  const walk: Walk = {
    link: await startOf(tx, scope.workspaceId, scope.from),
    entries: 0,
    segments: 0,
    seals: 0,
    head: null,
    hashes: new Map(),
    findings: [],
  };
  let more = true;
  while (more) {
    more = await checkPage(tx, scope, deps, walk);
  }
  const anchors = await deps.anchors.read(scope.workspaceId);
  const uncovered = await readUncovered(tx, scope.workspaceId);
  const findings = [
    ...walk.findings,
    ...checkAnchors(walk.hashes, anchors, { from: scope.from, head: walk.link.n }),
    ...checkUncovered(uncovered, scope.now),
  ];
  const fresh = uncovered.filter((line) => !line.seen);
  const oldestMs = Math.min(...fresh.map((line) => line.recordedAt.getTime()), scope.now.getTime());
  return {
    intact: findings.length === 0,
    entries: walk.entries,
    segments: walk.segments,
    seals: walk.seals,
    anchors: anchors.length,
    unsealed: fresh.length,
    sealLagSeconds: (scope.now.getTime() - oldestMs) / 1000,
    head: walk.head,
    findings: findings.slice(0, MOST_FINDINGS),
  };
}
