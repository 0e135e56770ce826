import { type BoundOperation, query } from "#platform/operation/bound.ts";
import { Problem } from "#platform/problem.ts";

import { auditListOperation, auditShowOperation, auditVerifyOperation } from "./contract.ts";
import { entryNotFound } from "./problems.ts";
import { listEntries, showEntry } from "./queries.ts";
import { type VerifyDeps, verifyLog } from "./verification.ts";

export function auditOperations(deps: VerifyDeps): readonly BoundOperation[] {
  return [
    query(auditListOperation, (ctx, input) => listEntries(ctx.tx, ctx.workspace.id, input)),
    query(auditShowOperation, async (ctx, input) => {
      const shown = await showEntry(ctx.tx, ctx.workspace.id, Number(input.id));
      if (shown === null) {
        throw new Problem(entryNotFound);
      }
      return shown;
    }),
    query(auditVerifyOperation, async (ctx, input) => {
      const result = await verifyLog(
        ctx.tx,
        {
          workspaceId: ctx.workspace.id,
          from: input.from ?? 1,
          now: ctx.now,
          bodies: input.bodies,
        },
        deps,
      );
      return { ...result, findings: [...result.findings] };
    }),
  ];
}
