import type { Tx } from "#platform/db/tx.ts";
import type { Role } from "#platform/operation/roles.ts";
import type { Announce } from "#platform/queue/events.ts";
import type { Enqueue, EnqueueInBatch } from "#platform/queue/jobs.ts";

/** Who acts. Staff by session or token; a provider by a verified webhook; the system by a job. */
export type Actor =
  | { readonly kind: "staff"; readonly id: string; readonly name: string; readonly role: Role }
  | { readonly kind: "token"; readonly id: string; readonly name: string; readonly role: Role }
  | { readonly kind: "provider"; readonly provider: string }
  | { readonly kind: "system"; readonly job: string };

export interface WorkspaceRef {
  readonly id: number;
  readonly publicId: string;
  readonly slug: string;
}

/** One line of the audit log. `changes` maps a field to [before, after]; personal data stays out of it. */
export interface AuditEntry {
  /** `noun.past_tense`, as in the runbooks: `webhook.processed`, `subscription.canceled`. */
  readonly action: string;
  readonly subject: { readonly kind: string; readonly id: string } | null;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly organizationId?: string | null;
}

/**
 * Everything one unit of work may touch. It has exactly one moment (`now`) and one transaction
 * (`tx`): what it saves, audits, announces and enqueues commits together or not at all.
 */
export interface Ctx {
  readonly now: Date;
  readonly tx: Tx;
  readonly actor: Actor;
  readonly workspace: WorkspaceRef;
  readonly requestId: string;
  /** A support ticket's id that the caller put on the request; found again through the audit log. */
  readonly ticket: string | null;
  readonly audit: (entry: AuditEntry) => Promise<void>;
  readonly announce: Announce;
  readonly enqueue: Enqueue;
}

/** What a batch over several workspaces has: no actor but the provider, no single workspace. */
export interface BatchCtx {
  readonly now: Date;
  readonly tx: Tx;
  readonly announce: Announce;
  readonly enqueue: EnqueueInBatch;
}
