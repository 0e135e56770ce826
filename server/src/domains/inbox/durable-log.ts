import type { Lane, Provider } from "./ports.ts";

/** A verified webhook on its way to durability. */
export interface Accepted {
  readonly workspaceId: number;
  readonly endpointId: number;
  readonly provider: Provider;
  readonly secretNo: number;
  readonly externalId: string;
  readonly eventType: string;
  readonly okey: string;
  readonly lane: Lane;
  readonly occurredAt: Date | null;
  readonly receivedAt: Date;
  readonly apiVersion: string | null;
  readonly fingerprint: Buffer;
  readonly body: Buffer;
  /** Signed but not readable: kept and dead from the start. */
  readonly dead: string | null;
}

/** `spooled`: safe on this machine's disk, in the database later. `turned away`: not safe anywhere, the provider must send it again. */
export type Appended = "new" | "duplicate" | "conflict" | "spooled" | "turned away";

/**
 * The seam of intake: once `append` has resolved, every event of the batch survives whatever it was
 * built to survive; answers are in the batch's order. A batch never holds one (endpoint, external id)
 * twice. Rejects when nothing of it is safe. Behind it: Postgres, the spool in front of Postgres, later a replicated broker.
 */
export interface DurableLog {
  append(batch: readonly Accepted[]): Promise<readonly Appended[]>;
}

export const UNPARSEABLE = "unparseable";
