/** A provider's customer by which an organization is found. */
export interface CustomerRef {
  readonly workspaceId: number;
  readonly customer: string;
  /** The provider's time, in seconds since 1970, of the earliest thing that names it; the birth of a placeholder. */
  readonly seenAtSeconds: number;
  /** Whether the snapshot is wanted too; most who look for an organization only want its id. */
  readonly whole: boolean;
}

/** An organization as found by a provider's customer. */
export interface FoundOrganization {
  readonly organizationId: string;
  /** The provider's customer as it stands: see billing's watermarks; empty while nobody has told us of it. */
  readonly watermark: string;
  readonly fetchedThrough: number;
  /** As JSON; empty where it was not asked for. */
  readonly snapshot: string;
  readonly source: string;
}
