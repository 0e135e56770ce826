import { addHours } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { newId } from "#platform/ids.ts";

import { secretContext } from "./endpoint-directory.ts";
import type { EndpointSecrets, Provider } from "./ports.ts";

export interface WantedEndpoint {
  readonly provider: Provider;
  readonly name: string;
  /** Signing secrets (Twilio: auth tokens) that it must accept; ones it has already are left as they are. */
  readonly secrets: readonly string[];
  /** Answers at /api/webhooks/<provider>. */
  readonly isDefault: boolean;
  readonly livemode: boolean | null;
  readonly publicUrl: string | null;
}

/** Makes the endpoint where there is none of that provider and name, and teaches it secrets it does not know. Running it twice changes nothing. */
export async function ensureEndpoint(
  ctx: Ctx,
  secrets: EndpointSecrets,
  wanted: WantedEndpoint,
): Promise<{ readonly publicId: string; readonly made: boolean }> {
  const found = await ctx.tx.client.query<{ id: number; public_id: string }>(
    "select id, public_id from endpoints where workspace_id = $1 and provider = $2 and name = $3 for update",
    [ctx.workspace.id, wanted.provider, wanted.name],
  );
  const known = found.rows[0];
  const endpoint = known ?? (await insertEndpoint(ctx, wanted));
  for (const secret of wanted.secrets) {
    if (!(await knowsSecret(ctx, secrets, endpoint, secret))) {
      await addSecret(ctx, secrets, endpoint, secret);
    }
  }
  return { publicId: endpoint.public_id, made: known === undefined };
}

interface EndpointKey {
  readonly id: number;
  readonly public_id: string;
}

async function insertEndpoint(ctx: Ctx, wanted: WantedEndpoint): Promise<EndpointKey> {
  const result = await ctx.tx.client.query<EndpointKey>(
    `insert into endpoints (public_id, workspace_id, provider, name, public_url, livemode, is_default, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning id, public_id`,
    [
      newId("ep", ctx.now),
      ctx.workspace.id,
      wanted.provider,
      wanted.name,
      wanted.publicUrl,
      wanted.livemode,
      wanted.isDefault,
      ctx.now,
    ],
  );
  const made = result.rows[0];
  if (made === undefined) {
    throw new Error("An endpoint was inserted and not returned.");
  }
  await ctx.audit({
    action: "endpoint.created",
    subject: { kind: "endpoint", id: made.public_id },
    detail: { provider: wanted.provider, name: wanted.name },
  });
  return made;
}

async function knowsSecret(
  ctx: Ctx,
  secrets: EndpointSecrets,
  endpoint: EndpointKey,
  plain: string,
): Promise<boolean> {
  const rows = await ctx.tx.client.query<{ no: number; sealed: string }>(
    "select no, sealed from endpoint_secrets where endpoint_id = $1",
    [endpoint.id],
  );
  for (const row of rows.rows) {
    try {
      if ((await secrets.open(row.sealed, secretContext(endpoint.public_id, row.no))) === plain) {
        return true;
      }
    } catch {
      // Sealed with a key that is gone: it cannot be this one.
    }
  }
  return false;
}

/** Adds a secret in force from now on. */
async function addSecret(
  ctx: Ctx,
  secrets: EndpointSecrets,
  endpoint: EndpointKey,
  plain: string,
): Promise<number> {
  const last = await ctx.tx.client.query<{ no: number | null }>(
    "select max(no) as no from endpoint_secrets where endpoint_id = $1",
    [endpoint.id],
  );
  const no = (last.rows[0]?.no ?? 0) + 1;
  await ctx.tx.client.query(
    `insert into endpoint_secrets (endpoint_id, workspace_id, no, sealed, hint, not_before, created_at) values ($1, $2, $3, $4, $5, $6, $6)`,
    [
      endpoint.id,
      ctx.workspace.id,
      no,
      await secrets.seal(plain, secretContext(endpoint.public_id, no)),
      plain.slice(-4),
      ctx.now,
    ],
  );
  await ctx.audit({
    action: "endpoint.secret_added",
    subject: { kind: "endpoint", id: endpoint.public_id },
    detail: { no },
  });
  return no;
}

/** Adds a secret and lets the others end after the overlap. */
export async function rotateSecret(
  ctx: Ctx,
  secrets: EndpointSecrets,
  rotation: {
    readonly endpoint: EndpointKey;
    readonly secret: string;
    readonly overlapHours: number;
  },
): Promise<void> {
  await ctx.tx.client.query(
    "update endpoint_secrets set not_after = $2 where endpoint_id = $1 and (not_after is null or not_after > $2)",
    [rotation.endpoint.id, addHours(ctx.now, rotation.overlapHours)],
  );
  await addSecret(ctx, secrets, rotation.endpoint, rotation.secret);
}
