import type { Pool } from "pg";

import { inTx } from "#platform/db/tx.ts";

/** Deletes ended runs of every workspace; returns how many. */
export async function deleteRunsBefore(pool: Pool, before: Date): Promise<number> {
  return inTx(pool, [], async (tx) => {
    await tx.client.query(
      "select set_config('purser.workspaces', coalesce((select array_agg(id)::text from workspaces), '{}'), true)",
    );
    const gone = await tx.client.query("delete from job_runs where ended_at < $1", [before]);
    return gone.rowCount ?? 0;
  });
}
