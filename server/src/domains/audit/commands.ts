import type { Actor, AuditEntry } from "#platform/context.ts";
import type { Tx } from "#platform/db/tx.ts";

/** Who an audit line names. A provider and the system are named after what they do. */
function actorWords(actor: Actor): {
  readonly kind: "staff" | "token" | "provider" | "system";
  readonly id: string;
  readonly name: string;
} {
  switch (actor.kind) {
    case "staff":
    case "token":
      return { kind: actor.kind, id: actor.id, name: actor.name };
    case "provider":
      return { kind: "provider", id: actor.provider, name: actor.provider };
    case "system":
      return { kind: "system", id: actor.job, name: actor.job };
  }
}

/** What a line takes over from the unit of work that writes it; a whole Ctx fits. */
export interface AuditSource {
  readonly tx: Tx;
  readonly now: Date;
  readonly actor: Actor;
  readonly workspace: { readonly id: number };
  readonly requestId: string | null;
  readonly ticket: string | null;
}

const INSERT = `insert into audit_entries
  (workspace_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, organization_id, detail, request_id, ticket)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

/**
 * Writes one line in the transaction given, without a lock: it commits with the act or not at all.
 *
 * @throws DatabaseError where `action` is not `noun.past_tense`, or the workspace is out of scope
 */
export async function record(source: AuditSource, entry: AuditEntry): Promise<void> {
  const actor = actorWords(source.actor);
  await source.tx.client.query({
    name: "audit_record",
    text: INSERT,
    values: [
      source.workspace.id,
      source.now,
      actor.kind,
      actor.id,
      actor.name,
      entry.action,
      entry.subject?.kind ?? null,
      entry.subject?.id ?? null,
      entry.organizationId ?? null,
      JSON.stringify(entry.detail ?? {}),
      source.requestId,
      source.ticket,
    ],
  });
}
