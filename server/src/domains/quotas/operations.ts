import type { Ctx } from "#platform/context.ts";
import { type BoundOperation, type Run, command, query, saga } from "#platform/operation/bound.ts";
import { Problem, notFound } from "#platform/problem.ts";

import { applyReset, applySet, decideReset, decideSet, forgetCached } from "./commands.ts";
import {
  type QuotaAnswer,
  checkQuota,
  consumeBatch,
  consumeQuota,
  invalidateEntitlements,
  releaseQuota,
  resetAllQuotas,
  setQuota,
  showEntitlements,
  showQuotas,
} from "./contract.ts";
import type { QuotaEngine } from "./engine.ts";
import type { EntitlementCache } from "./entitlements.ts";
import { keyReused } from "./problems.ts";
import { answerOf, entitlementsOf, quotasOf, show, viewOf } from "./queries.ts";
import { type UsageCall, type UsageOutcome, refusalOf, stateOf, step } from "./quota.core.ts";

export interface QuotaDeps {
  readonly engine: QuotaEngine;
  readonly cache: EntitlementCache;
}

interface Asked {
  readonly organizationId: string;
  readonly dimension: UsageCall["dimension"];
  readonly amount: number;
  readonly idempotencyKey?: string | undefined;
}

/** The row of one call as it stands, unlocked: for check and for previews. */
async function rowOf(ctx: Ctx, asked: Asked) {
  const rows = await quotasOf(ctx, asked.organizationId);
  const row = rows.find((each) => each.dimension === asked.dimension);
  if (row === undefined) {
    throw new Problem(
      notFound,
      `No quota of ${asked.dimension} is known for ${asked.organizationId}.`,
    );
  }
  return row;
}

function settled(outcome: UsageOutcome, asked: Asked, now: Date): QuotaAnswer {
  switch (outcome.kind) {
    case "answered":
      return answerOf(outcome.answer, now);
    case "key_reused":
      throw new Problem(
        keyReused,
        `The key was used for another amount of ${asked.dimension}; take a new one.`,
      );
    case "unknown_organization":
      throw new Problem(notFound, `No organization ${asked.organizationId} is known here.`);
  }
}

/** In a batch one bad call must not hide what happened to the others. */
function settledInBatch(outcome: UsageOutcome, asked: Asked, now: Date): QuotaAnswer {
  if (outcome.kind === "answered") {
    return answerOf(outcome.answer, now);
  }
  const refusal =
    outcome.kind === "key_reused"
      ? {
          rule: "key_reused" as const,
          sentence: "The idempotency key was used for another amount.",
        }
      : { rule: "not_found" as const, sentence: "No such organization is known here." };
  return {
    organizationId: asked.organizationId,
    dimension: asked.dimension,
    allowed: false,
    amount: asked.amount,
    used: 0,
    limit: 0,
    remaining: 0,
    resetsAt: null,
    tier: "unknown",
    source: "plan",
    refusal,
    replayed: false,
    headers: {},
  };
}

/**
 * Runs calls through the engine. The caller's transaction only tells its workspace and is over
 * before the engine begins, so a waiting call holds no connection.
 */
async function useThrough(
  engine: QuotaEngine,
  run: Run,
  asked: readonly Asked[],
  rule: { readonly sign: 1 | -1; readonly settle: typeof settled },
): Promise<readonly QuotaAnswer[]> {
  const { workspaceId, now } = await run(async (ctx) => ({
    workspaceId: ctx.workspace.id,
    now: ctx.now,
  }));
  const outcomes = await engine.useMany(
    asked.map((each) => ({
      workspaceId,
      organizationId: each.organizationId,
      dimension: each.dimension,
      amount: rule.sign * each.amount,
      key: each.idempotencyKey ?? null,
    })),
  );
  return asked.map((each, index) =>
    rule.settle(outcomes[index] ?? { kind: "unknown_organization" }, each, now),
  );
}

async function previewUse(ctx: Ctx, asked: readonly Asked[], sign: 1 | -1) {
  const changes = [];
  const warnings = [];
  for (const each of asked.slice(0, 100)) {
    const row = await rowOf(ctx, each);
    const { answer, next } = step(row, sign * each.amount, ctx.now);
    const id = `${row.organizationId}/${row.dimension}`;
    if (next === null) {
      warnings.push(`${id}: ${answerOf(answer, ctx.now).refusal?.sentence ?? "refused"}`);
    } else {
      const before = { current_usage: stateOf(row, ctx.now).used };
      changes.push({
        table: "usage_quotas",
        id,
        before,
        after: { current_usage: next.currentUsage },
      });
    }
  }
  const verb = sign === 1 ? "Count" : "Give back";
  return {
    preview: { summary: `${verb} ${asked.length} usages`, changes, warnings },
    decision: null,
  };
}

function useOne(engine: QuotaEngine, operation: typeof consumeQuota, sign: 1 | -1): BoundOperation {
  return saga(operation, {
    decide: (ctx, input) => previewUse(ctx, [input], sign),
    execute: async (run, input) => {
      const [answer] = await useThrough(engine, run, [input], { sign, settle: settled });
      if (answer === undefined) {
        throw new Error("The engine answered nothing.");
      }
      return answer;
    },
  });
}

export function quotaOperations(deps: QuotaDeps): BoundOperation[] {
  return [
    query(showQuotas, (ctx, input) => show(ctx, input.organizationId)),
    query(checkQuota, async (ctx, input) => {
      const row = await rowOf(ctx, input);
      const state = stateOf(row, ctx.now);
      const rule = refusalOf(row, state, input.amount);
      return answerOf({ row, state, amount: input.amount, rule, replayed: false }, ctx.now);
    }),
    useOne(deps.engine, consumeQuota, 1),
    useOne(deps.engine, releaseQuota, -1),
    saga(consumeBatch, {
      decide: (ctx, input) => previewUse(ctx, input.items, 1),
      execute: async (run, input) => ({
        items: [
          ...(await useThrough(deps.engine, run, input.items, { sign: 1, settle: settledInBatch })),
        ],
      }),
    }),
    command(setQuota, {
      decide: decideSet,
      apply: async (ctx, input, change) => {
        const row = await applySet(ctx, input, change);
        return { organizationId: row.organizationId, quota: viewOf(row, ctx.now) };
      },
    }),
    command(resetAllQuotas, { decide: decideReset, apply: (ctx, input) => applyReset(ctx, input) }),
    query(showEntitlements, async (ctx, { organizationId }) => {
      const rows = await deps.cache.get(ctx.workspace.id, organizationId, () =>
        quotasOf(ctx, organizationId),
      );
      return entitlementsOf(rows, ctx.now);
    }),
    command(invalidateEntitlements, {
      decide: async (_ctx, input) => ({
        preview: {
          summary: `Forget cached entitlements of ${input.organizationId ?? "everybody"}`,
          changes: [],
        },
        decision: null,
      }),
      apply: async (ctx, input) => {
        const who = input.organizationId ?? "*";
        deps.cache.heard(who); // here at once; the other nodes by the notification
        await forgetCached(ctx, who);
        return { invalidated: who };
      },
    }),
  ];
}
