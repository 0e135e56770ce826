import { createHash } from "node:crypto";

import type { z } from "zod";

import type { Ctx } from "#platform/context.ts";
import { Problem, stalePreview } from "#platform/problem.ts";

import type { Operation, Preview } from "./operation.ts";

/** Runs `work` in one transaction of the caller's workspace; used by operations that call a provider between two transactions. */
export type Run = <T>(work: (ctx: Ctx) => Promise<T>) => Promise<T>;

/** A decision about a write: what will be shown, and what `apply` needs to carry it out. */
export interface Plan<Decision> {
  readonly preview: Omit<
    Preview,
    "operation" | "hash" | "rows" | "money" | "calls" | "messages" | "warnings"
  > &
    Partial<Pick<Preview, "rows" | "money" | "calls" | "messages" | "warnings">>;
  readonly decision: Decision;
}

/** An operation with the code behind it, as wiring collects them; inputs are already parsed when they arrive here. */
export interface BoundOperation {
  readonly operation: Operation;
  /** Absent for reads. */
  readonly preview: ((run: Run, input: unknown) => Promise<Preview>) | null;
  /** `expectedHash` is the preview that the caller saw, where it sent one. */
  readonly execute: (run: Run, input: unknown, expectedHash: string | null) => Promise<unknown>;
}

/**
 * The hash stands for the whole act: what was asked and what would come of it. Over the plan alone, a
 * field that the plan does not show could be changed between the preview and the act.
 */
function completePreview(
  operation: Operation,
  plan: Plan<unknown>["preview"],
  input: unknown,
): Preview {
  const full = {
    operation: operation.name,
    money: [],
    calls: [],
    messages: [],
    warnings: [],
    ...plan,
    rows: plan.rows ?? plan.changes.length,
    changes: plan.changes.slice(0, 100),
  };
  const whole = JSON.stringify({ input: input ?? null, preview: full }, inOrder);
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 32);
  return { ...full, hash };
}

/** The order in which a caller wrote the fields says nothing. */
function inOrder(_field: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return `${value}n`;
  }
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

/** A read: one transaction, no preview, no audit. */
export function query<I extends z.ZodType, O extends z.ZodType>(
  operation: Operation<I, O>,
  read: (ctx: Ctx, input: z.output<I>) => Promise<z.input<O>>,
): BoundOperation {
  return {
    operation,
    preview: null,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the door has parsed the input with operation.input
    execute: (run, input) => run((ctx) => read(ctx, input as z.output<I>)),
  };
}

/** A write within our own database: decide and apply in one transaction, so what was decided is what is written. */
export function command<I extends z.ZodType, O extends z.ZodType, Decision>(
  operation: Operation<I, O>,
  steps: {
    readonly decide: (ctx: Ctx, input: z.output<I>) => Promise<Plan<Decision>>;
    readonly apply: (ctx: Ctx, input: z.output<I>, decision: Decision) => Promise<z.input<O>>;
  },
): BoundOperation {
  return saga(operation, {
    decide: steps.decide,
    execute: (run, input, check) =>
      run(async (ctx) => {
        const plan = await steps.decide(ctx, input);
        check(plan);
        return steps.apply(ctx, input, plan.decision);
      }),
  });
}

/** A write that also calls a provider: it opens its own transactions before and after the call. `check` must see the plan inside the first one. */
export function saga<I extends z.ZodType, O extends z.ZodType, Decision>(
  operation: Operation<I, O>,
  steps: {
    readonly decide: (ctx: Ctx, input: z.output<I>) => Promise<Plan<Decision>>;
    readonly execute: (
      run: Run,
      input: z.output<I>,
      check: (plan: Plan<Decision>) => void,
    ) => Promise<z.input<O>>;
  },
): BoundOperation {
  return askingSaga(operation, {
    plan: (run, input) => run((ctx) => steps.decide(ctx, input)),
    execute: steps.execute,
  });
}

/** A saga whose very decision needs the provider's answer: its plan opens its own transactions too, so that none waits for the provider, not even for a preview. */
export function askingSaga<I extends z.ZodType, O extends z.ZodType, Decision>(
  operation: Operation<I, O>,
  steps: {
    readonly plan: (run: Run, input: z.output<I>) => Promise<Plan<Decision>>;
    readonly execute: (
      run: Run,
      input: z.output<I>,
      check: (plan: Plan<Decision>) => void,
    ) => Promise<z.input<O>>;
  },
): BoundOperation {
  return {
    operation,
    preview: async (run, input) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the door has parsed the input with operation.input
      const plan = await steps.plan(run, input as z.output<I>);
      return completePreview(operation, plan.preview, input);
    },
    execute: (run, input, expectedHash) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the door has parsed the input with operation.input
      steps.execute(run, input as z.output<I>, (plan) => {
        requireSameHash(completePreview(operation, plan.preview, input), expectedHash);
      }),
  };
}

function requireSameHash(now: Preview, expected: string | null): void {
  if (expected !== null && now.hash !== expected) {
    throw new Problem(stalePreview, "Look at the new preview and confirm again.", { preview: now });
  }
}
