import type { Tx } from "#platform/db/tx.ts";

import type { FoundOrganization } from "./model.ts";
import { findByCustomers } from "./store.ts";

/** Organizations by `"<workspace> <customer>"`; those that nobody knows are missing. */
export async function findOrganizations(
  tx: Tx,
  refs: readonly { readonly workspaceId: number; readonly customer: string }[],
): Promise<ReadonlyMap<string, FoundOrganization>> {
  return refs.length === 0
    ? new Map()
    : findByCustomers(
        tx,
        refs.map((ref) => ({ ...ref, whole: false })),
      );
}
