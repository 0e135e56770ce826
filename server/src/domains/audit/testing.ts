import type { Pool } from "pg";

import type { AuditEntry } from "#platform/context.ts";
import { inTx } from "#platform/db/tx.ts";

import { record } from "./commands.ts";
import type { Anchor } from "./model.ts";
import type { AnchorStore } from "./ports.ts";

/** Anchors in memory: outlives any tampering with the database, as the files do. */
export function anchorsInMemory(): AnchorStore & { readonly all: Anchor[] } {
  const all: Anchor[] = [];
  return {
    all,
    append: (anchors) => {
      all.push(...anchors);
      return Promise.resolve();
    },
    read: (workspaceId) =>
      Promise.resolve(all.filter((anchor) => anchor.workspaceId === workspaceId)),
  };
}

/** Writes lines in one transaction, as a command of the workspace would. */
export async function writeLines(
  pool: Pool,
  workspaceId: number,
  now: Date,
  entries: readonly AuditEntry[],
): Promise<void> {
  await inTx(pool, [workspaceId], async (tx) => {
    for (const entry of entries) {
      await record(
        {
          tx,
          now,
          actor: { kind: "staff", id: "stf_1", name: "Ada", role: "owner" },
          workspace: { id: workspaceId },
          requestId: "req_1",
          ticket: null,
        },
        entry,
      );
    }
  });
}
