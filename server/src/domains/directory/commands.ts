import type { Tx } from "#platform/db/tx.ts";

import type { CustomerRef, FoundOrganization } from "./model.ts";
import {
  type CustomerRow,
  findByCustomers,
  insertPlaceholders,
  lockTiers,
  refKey,
  writeCustomers,
  writeTiers,
} from "./store.ts";

/** The organizations of the provider's customers by `"<workspace> <customer>"`; who is not known yet gets a placeholder. */
export async function resolveOrganizations(
  tx: Tx,
  refs: readonly CustomerRef[],
  now: Date,
): Promise<Map<string, FoundOrganization>> {
  if (refs.length === 0) {
    return new Map();
  }
  const found = await findByCustomers(tx, refs);
  const missing = refs.filter((ref) => !found.has(refKey(ref.workspaceId, ref.customer)));
  if (missing.length === 0) {
    return found;
  }
  await insertPlaceholders(tx, missing, now);
  const made = await findByCustomers(tx, missing);
  return new Map([...found, ...made]);
}

export async function saveCustomers(
  tx: Tx,
  rows: readonly CustomerRow[],
  now: Date,
): Promise<void> {
  if (rows.length > 0) {
    await writeCustomers(tx, rows, now);
  }
}

export interface TierMove {
  readonly workspaceId: number;
  readonly organizationId: string;
  readonly from: string;
  readonly to: string;
  readonly because: string;
}

/**
 * Sets the tiers of organizations and says which of them moved. `decide` runs when the rows are
 * locked, so whatever it reads in the same transaction can no longer be overtaken.
 */
export async function moveTiers(
  tx: Tx,
  organizationIds: readonly string[],
  decide: () => Promise<ReadonlyMap<string, { readonly tier: string; readonly because: string }>>,
  now: Date,
): Promise<readonly TierMove[]> {
  if (organizationIds.length === 0) {
    return [];
  }
  const rows = await lockTiers(tx, organizationIds.toSorted());
  const wanted = await decide();
  const moves: TierMove[] = [];
  for (const row of rows) {
    const decided = wanted.get(row.id);
    if (decided !== undefined && decided.tier !== row.tier) {
      moves.push({
        workspaceId: row.workspaceId,
        organizationId: row.id,
        from: row.tier,
        to: decided.tier,
        because: decided.because,
      });
    }
  }
  if (moves.length > 0) {
    await writeTiers(
      tx,
      moves.map((move) => ({ id: move.organizationId, tier: move.to, because: move.because })),
      now,
    );
  }
  return moves;
}
