import type { Pool } from "pg";

import { inTx } from "#platform/db/tx.ts";

/** A workspace and organizations of a tier in it, as migrations leave them: with their quotas. */
export async function seedOrganizations(
  pool: Pool,
  ownerPool: Pool,
  seed: { readonly slug: string; readonly ids: readonly string[]; readonly tier: string },
): Promise<number> {
  const made = await ownerPool.query<{ id: number }>(
    `insert into workspaces (public_id, slug, name, created_at) values ($1, $2, $2, now())
     on conflict (slug) do update set name = excluded.name returning id`,
    [`ws_${seed.slug}`, seed.slug],
  );
  const workspaceId = made.rows[0]?.id ?? 0;
  await inTx(pool, [workspaceId], async (tx) => {
    await tx.client.query(
      `insert into organizations (id, workspace_id, name, plan_tier, created_at, updated_at)
       select id, $2, id, $3, now(), now() from unnest($1::text[]) as id`,
      [seed.ids, workspaceId, seed.tier],
    );
  });
  return workspaceId;
}
