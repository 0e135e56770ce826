import type { Tx } from "#platform/db/tx.ts";

export type IntentState = "planned" | "sent" | "done" | "unknown" | "failed";

export interface Intent {
  readonly id: string;
  readonly workspaceId: number;
  readonly action: string;
  readonly subjectId: string;
  readonly idempotencyKey: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly state: IntentState;
  readonly actor: string;
}

export async function insertIntent(tx: Tx, intent: Intent, at: Date): Promise<void> {
  await tx.client.query(
    `insert into provider_intents (id, workspace_id, provider, action, subject_id, idempotency_key, request, state, attempts, actor, created_at, updated_at)
     values ($1, $2, 'stripe', $3, $4, $5, $6, $7, 1, $8, $9, $9)`,
    [
      intent.id,
      intent.workspaceId,
      intent.action,
      intent.subjectId,
      intent.idempotencyKey,
      JSON.stringify(intent.request),
      intent.state,
      intent.actor,
      at,
    ],
  );
}

export async function settleIntentRow(
  tx: Tx,
  id: string,
  end: {
    readonly state: IntentState;
    readonly error?: string | null;
    readonly result?: Readonly<Record<string, unknown>> | null;
    readonly at: Date;
  },
): Promise<void> {
  await tx.client.query(
    "update provider_intents set state = $2, error = $3, result = $4, updated_at = $5 where id = $1",
    [
      id,
      end.state,
      end.error ?? null,
      end.result === undefined || end.result === null ? null : JSON.stringify(end.result),
      end.at,
    ],
  );
}

/** Locks an intent; null where there is none. */
export async function lockIntent(
  tx: Tx,
  id: string,
): Promise<(Intent & { readonly createdAt: Date }) | null> {
  const found = await tx.client.query<Intent & { readonly createdAt: Date }>(
    `select id, workspace_id as "workspaceId", action, subject_id as "subjectId", idempotency_key as "idempotencyKey",
            request, state, actor, created_at as "createdAt" from provider_intents where id = $1 for no key update`,
    [id],
  );
  return found.rows[0] ?? null;
}
