/** One line of `audit_entries`, every field as the canonical text that is hashed. */
export interface EntryText {
  readonly id: number;
  readonly workspaceId: number;
  /** `2026-11-21T09:00:00.123456Z`: microseconds, because that is what the database keeps. */
  readonly at: string;
  readonly recordedAt: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly actorName: string;
  readonly action: string;
  readonly subjectKind: string | null;
  readonly subjectId: string | null;
  readonly organizationId: string | null;
  readonly requestId: string | null;
  readonly ticket: string | null;
  /** Hex of the hash stored in the line. */
  readonly payloadHash: string;
  /** Hex of the hash of the detail as it is now; differs where the detail was changed and its hash was not. */
  readonly actualPayloadHash: string;
}

/** A segment of the inbox: its digest stands for the raw webhooks in it. */
export interface SegmentText {
  readonly id: number;
  readonly workspaceId: number;
  readonly events: number;
  readonly digest: string;
}

/** A segment as verification reads it. */
export interface SegmentCheck extends SegmentText {
  /** The body still hashes to the digest; null where nobody asked. */
  readonly bodyHolds: boolean | null;
}

/** One seal. `hash` covers everything but the signature, and `previous` is the hash before it. */
export interface Seal {
  readonly workspaceId: number;
  readonly n: number;
  /** Canonical text with microseconds. */
  readonly sealedAt: string;
  /** int8multirange as Postgres prints it. */
  readonly entryIds: string;
  readonly segmentIds: string;
  readonly leaves: Buffer;
  readonly root: Buffer;
  readonly previous: Buffer;
  readonly hash: Buffer;
  readonly keyId: string;
  readonly signature: Buffer;
}

/** A seal's hash as it was written outside the database. */
export interface Anchor {
  readonly workspaceId: number;
  readonly n: number;
  readonly hash: string;
}

export interface Finding {
  readonly kind:
    | "edited"
    | "deleted"
    | "inserted"
    | "reordered"
    | "tail-cut"
    | "rewritten"
    | "bad-signature"
    | "broken-chain"
    | "unsealed";
  readonly seal: number | null;
  readonly entryId: string | null;
  readonly what: string;
}
