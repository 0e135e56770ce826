import type { Tx } from "#platform/db/tx.ts";

import type { Provider } from "./ports.ts";

interface EndpointRef {
  readonly id: number;
  readonly publicId: string;
}

/** The workspace's default endpoint of a provider, locked so that two starts do not both add a secret. */
export async function lockEndpoint(
  tx: Tx,
  workspaceId: number,
  provider: Provider,
): Promise<EndpointRef | null> {
  const { rows } = await tx.client.query<{ id: number; public_id: string }>(
    "select id, public_id from endpoints where workspace_id = $1 and provider = $2 order by is_default desc, id limit 1 for update",
    [workspaceId, provider],
  );
  const [row] = rows;
  return row === undefined ? null : { id: row.id, publicId: row.public_id };
}

export async function insertEndpoint(
  tx: Tx,
  row: {
    readonly publicId: string;
    readonly workspaceId: number;
    readonly provider: Provider;
    readonly name: string;
    readonly publicUrl: string | null;
    readonly createdAt: Date;
  },
): Promise<EndpointRef> {
  const { rows } = await tx.client.query<{ id: number }>(
    `insert into endpoints (public_id, workspace_id, provider, name, public_url, is_default, created_at)
     select $1, $2, $3, $4, $5, w.is_default, $6 from workspaces w where w.id = $2 returning id`,
    [row.publicId, row.workspaceId, row.provider, row.name, row.publicUrl, row.createdAt],
  );
  const [made] = rows;
  if (made === undefined) {
    throw new Error(`Workspace ${row.workspaceId} is gone.`);
  }
  return { id: made.id, publicId: row.publicId };
}

export async function secretsOf(
  tx: Tx,
  endpointId: number,
): Promise<readonly { no: number; sealed: string }[]> {
  const { rows } = await tx.client.query<{ no: number; sealed: string }>(
    "select no, sealed from endpoint_secrets where endpoint_id = $1 order by no",
    [endpointId],
  );
  return rows;
}

export async function insertSecret(
  tx: Tx,
  row: {
    readonly endpointId: number;
    readonly workspaceId: number;
    readonly no: number;
    readonly sealed: string;
    readonly hint: string;
    readonly notBefore: Date;
  },
): Promise<void> {
  await tx.client.query(
    `insert into endpoint_secrets (endpoint_id, workspace_id, no, sealed, hint, not_before, created_at)
     values ($1, $2, $3, $4, $5, $6, $6)`,
    [row.endpointId, row.workspaceId, row.no, row.sealed, row.hint, row.notBefore],
  );
}
