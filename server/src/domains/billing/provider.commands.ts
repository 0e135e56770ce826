import { addMs } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { newId } from "#platform/ids.ts";
import type { Plan, Run } from "#platform/operation/bound.ts";
import { Problem } from "#platform/problem.ts";

import { decideCancel, isCarriedOut } from "./cancel.core.ts";
import { applyFetched } from "./fetched.commands.ts";
import { changesBetween } from "./fold.core.ts";
import { insertIntent, lockIntent, settleIntentRow } from "./intent.store.ts";
import { settleIntent } from "./jobs.ts";
import type { CancelWish, SubscriptionSnapshot } from "./model.ts";
import type { Answer, BillingProvider, ProviderOf } from "./ports.ts";
import {
  alreadyCanceled,
  outcomeUnknown,
  providerRefused,
  providerUnavailable,
  unknownSubscription,
} from "./problems.ts";
import { requireSubscription } from "./queries.ts";
import { secondsOf } from "./stamp.core.ts";
import { type Raw, changedOf, isRaw, subscriptionView, text } from "./views.ts";

/** The record of a subscription as the provider's words have it. */
function saidOf(raw: Raw): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(text(raw, "snapshot"));
  return isRaw(parsed) ? parsed : {};
}

interface Fetched {
  readonly raw: Raw;
  readonly snapshot: SubscriptionSnapshot;
  readonly atLeastSeconds: number;
  readonly answeredAtSeconds: number;
}

/** @throws Problem providerUnavailable, providerRefused, unknownSubscription */
async function fetchSubscription(provider: BillingProvider, raw: Raw): Promise<Fetched> {
  const id = text(raw, "stripe_subscription_id");
  const answer = required(await provider.fetch("subscription", id));
  if (answer.value === null || answer.value.kind !== "subscription") {
    throw new Problem(unknownSubscription, `The provider does not know ${id}.`);
  }
  return {
    raw,
    snapshot: answer.value,
    atLeastSeconds: secondsOf(text(raw, "watermark")),
    answeredAtSeconds: answer.answeredAtSeconds,
  };
}

function required<T>(answer: Answer<T>): Extract<Answer<T>, { kind: "done" }> {
  if (answer.kind === "done") {
    return answer;
  }
  throw problemOf(answer);
}

function problemOf(answer: Exclude<Answer<unknown>, { kind: "done" }>): Problem {
  switch (answer.kind) {
    case "refused":
      return new Problem(providerRefused, answer.message, { providerCode: answer.code });
    case "unavailable":
      return new Problem(providerUnavailable, answer.message, {
        retryAfterMs: answer.retryAfterMs,
      });
    case "unknown":
      return new Problem(outcomeUnknown, answer.message);
  }
}

/** The columns that a person can have typed over, as the snapshot would have them. */
function standsOf(raw: Raw): Readonly<Record<string, unknown>> {
  const view = subscriptionView(raw);
  return {
    ...saidOf(raw),
    status: view.status,
    cancelAtPeriodEnd: view.cancelAtPeriodEnd,
    periodEnd: secondsFrom(raw["current_period_end"]),
    periodStart: secondsFrom(raw["current_period_start"]),
    canceledAt: secondsFrom(raw["canceled_at"]),
  };
}

function secondsFrom(value: unknown): number | null {
  return value instanceof Date ? Math.floor(value.getTime() / 1000) : null;
}

/** Ask the provider, and show both states side by side. No transaction is open meanwhile: a slow provider must not use up the connections. */
export async function planResync(
  run: Run,
  providerOf: ProviderOf,
  id: string,
): Promise<Plan<Fetched>> {
  const { raw, provider } = await run(async (ctx) => ({
    raw: await requireSubscription(ctx.tx, ctx.workspace.id, id),
    provider: providerOf(ctx.workspace.id),
  }));
  const fetched = await fetchSubscription(provider, raw);
  const before = { ...standsOf(raw), kind: "subscription" as const };
  const changed = changesBetween(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a snapshot with the row's own columns laid over it
    before as unknown as SubscriptionSnapshot,
    fetched.snapshot,
  );
  const fields = Object.entries(changed);
  const subject = fetched.snapshot.id;
  return {
    preview: {
      summary:
        fields.length === 0
          ? `${subject} agrees with the provider`
          : `Bring ${subject} in line with the provider (${fields.map(([field]) => field).join(", ")})`,
      changes: [
        {
          table: "subscriptions",
          id: subject,
          before,
          after: { ...fetched.snapshot },
        },
      ],
      rows: fields.length === 0 ? 0 : 1,
      calls: [{ provider: "stripe", what: `GET /v1/subscriptions/${subject}` }],
    },
    decision: fetched,
  };
}

export async function applyResync(ctx: Ctx, fetched: Fetched) {
  const before = standsOf(fetched.raw);
  await applyFetched(ctx, fetched.snapshot, fetched);
  const id = fetched.snapshot.id;
  const after = await requireSubscription(ctx.tx, ctx.workspace.id, id);
  const changed = changesBetween(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    before as unknown as SubscriptionSnapshot,
    fetched.snapshot,
  );
  await ctx.audit({
    action: "subscription.resynced",
    subject: { kind: "subscription", id },
    organizationId: text(after, "organization_id"),
    detail: { changes: changed },
  });
  return { subscription: subscriptionView(after), changed: changedOf(changed) };
}

export interface CancelInput extends CancelWish {
  readonly id: string;
  readonly reason: string;
}

export async function planCancel(ctx: Ctx, input: CancelInput): Promise<Plan<Raw>> {
  const raw = await requireSubscription(ctx.tx, ctx.workspace.id, input.id);
  const view = subscriptionView(raw);
  const decision = decideCancel(view, input);
  if (decision.kind === "already_ended") {
    throw new Problem(alreadyCanceled, `${view.stripeSubscriptionId} is ${view.status}.`);
  }
  if (decision.kind === "already_scheduled") {
    throw new Problem(alreadyCanceled, `It ends already on ${view.currentPeriodEnd}.`);
  }
  const now = input.when === "now";
  const what = now
    ? `DELETE /v1/subscriptions/${view.stripeSubscriptionId}${input.prorate ? "?prorate=true" : ""}`
    : `POST /v1/subscriptions/${view.stripeSubscriptionId} cancel_at_period_end=true`;
  return {
    preview: {
      summary: now
        ? `Cancel ${view.stripeSubscriptionId} of ${view.organizationName} now`
        : `Let ${view.stripeSubscriptionId} of ${view.organizationName} end on ${view.currentPeriodEnd.slice(0, 10)}`,
      changes: [
        {
          table: "subscriptions",
          id: view.stripeSubscriptionId,
          before: { status: view.status, cancelAtPeriodEnd: view.cancelAtPeriodEnd },
          after: {
            status: view.status,
            cancelAtPeriodEnd: view.cancelAtPeriodEnd,
            ...decision.after,
          },
        },
      ],
      calls: [{ provider: "stripe", what }],
      warnings: now
        ? [
            "The customer loses the plan at once; what it gave falls back to the next best subscription or to free.",
          ]
        : [],
    },
    decision: raw,
  };
}

/** Well beyond the longest that a call can take. */
const ORPHANED_AFTER_MS = 120_000;
const LOOK_AGAIN_MS = 20_000;

/**
 * The record may not know yet that somebody else has ended it, and a refusal of our own call would then
 * look like the echo of our success: ask before, so that an end seen afterwards came after our intent.
 *
 * @throws Problem alreadyCanceled, with the end recorded; stalePreview; providerUnavailable
 */
async function requireStillLive(
  run: Run,
  providerOf: ProviderOf,
  input: CancelInput,
  check: (plan: Plan<Raw>) => void,
): Promise<void> {
  const { raw, provider } = await run(async (ctx) => {
    const plan = await planCancel(ctx, input);
    check(plan);
    return { raw: plan.decision, provider: providerOf(ctx.workspace.id) };
  });
  const fetched = await fetchSubscription(provider, raw);
  if (decideCancel(fetched.snapshot, input).kind !== "cancel") {
    await run((ctx) => applyFetched(ctx, fetched.snapshot, fetched));
    throw new Problem(alreadyCanceled, `${fetched.snapshot.id} was ended elsewhere meanwhile.`);
  }
}

/** Provider first: the intent is committed, then the call, then the answer is read back and recorded. */
export async function cancelSubscription(
  run: Run,
  providerOf: ProviderOf,
  input: CancelInput,
  check: (plan: Plan<Raw>) => void,
) {
  await requireStillLive(run, providerOf, input, check);
  const intent = await run(async (ctx) => {
    const plan = await planCancel(ctx, input);
    check(plan);
    const id = newId("int", ctx.now);
    const raw = plan.decision;
    const made = {
      id,
      workspaceId: ctx.workspace.id,
      action: "subscription.cancel",
      subjectId: text(raw, "stripe_subscription_id"),
      idempotencyKey: `purser_${id}`,
      request: { when: input.when, prorate: input.prorate, reason: input.reason },
      state: "sent" as const,
      actor: "name" in ctx.actor ? ctx.actor.name : ctx.actor.kind,
    };
    await insertIntent(ctx.tx, made, ctx.now);
    // Should this process die before it has written down the answer, somebody looks.
    await ctx.enqueue(
      settleIntent,
      { workspaceId: ctx.workspace.id, intentId: id },
      { key: `${id}:orphaned`, runAt: addMs(ctx.now, ORPHANED_AFTER_MS) },
    );
    return {
      ...made,
      provider: providerOf(ctx.workspace.id),
      atLeastSeconds: secondsOf(text(raw, "watermark")),
    };
  });
  const answer = await intent.provider.cancelSubscription(
    intent.subjectId,
    { when: input.when, prorate: input.prorate },
    { idempotencyKey: intent.idempotencyKey },
  );
  const readBack = await intent.provider.fetch("subscription", intent.subjectId);
  const seen = readBack.kind === "done" ? readBack : null;
  // A refusal may be the echo of our own success: the network lost the first answer, the SDK asked
  // again, and the subscription had ended. What counts is the state that the provider shows.
  const carriedOut =
    answer.kind === "done" ||
    (answer.kind === "refused" &&
      seen?.value?.kind === "subscription" &&
      isCarriedOut(seen.value, input.when));
  if (!carriedOut) {
    await run((ctx) => noteFailure(ctx, intent.id, answer));
    throw problemOf(answer);
  }
  return run(async (ctx) => {
    const found = seen ?? (answer.kind === "done" ? answer : null);
    if (found !== null && found.value !== null) {
      await applyFetched(ctx, found.value, {
        atLeastSeconds: intent.atLeastSeconds,
        answeredAtSeconds: found.answeredAtSeconds,
      });
    }
    const subscription = await finishCancel(ctx, intent.id, {
      subjectId: intent.subjectId,
      request: intent.request,
      requestId: answer.kind === "done" ? answer.requestId : null,
      proof: answer.kind === "done" ? "answered" : "looked_up",
    });
    return { subscription, intentId: intent.id };
  });
}

async function noteFailure(
  ctx: Ctx,
  intentId: string,
  answer: Exclude<Answer<unknown>, { kind: "done" }>,
): Promise<void> {
  const state = answer.kind === "unknown" ? "unknown" : "failed";
  await settleIntentRow(ctx.tx, intentId, { state, error: answer.message, at: ctx.now });
  if (state === "unknown") {
    await ctx.enqueue(settleIntent, { workspaceId: ctx.workspace.id, intentId }, { key: intentId });
  }
}

async function finishCancel(
  ctx: Ctx,
  intentId: string,
  done: {
    readonly subjectId: string;
    readonly request: Readonly<Record<string, unknown>>;
    readonly requestId: string | null;
    readonly proof: "answered" | "looked_up";
  },
) {
  await settleIntentRow(ctx.tx, intentId, {
    state: "done",
    result: { requestId: done.requestId },
    at: ctx.now,
  });
  const after = await requireSubscription(ctx.tx, ctx.workspace.id, done.subjectId);
  await ctx.audit({
    action:
      done.request["when"] === "now" ? "subscription.canceled" : "subscription.cancel_scheduled",
    subject: { kind: "subscription", id: done.subjectId },
    organizationId: text(after, "organization_id"),
    detail: {
      ...done.request,
      intent: intentId,
      providerRequest: done.requestId,
      // Without an answer to the call itself it is inferred from the state that was found afterwards.
      proof: done.proof,
    },
  });
  return subscriptionView(after);
}

export type Settled = "done" | "failed" | "not_ours" | { readonly retryAfterMs: number };

/** Looks up what became of a call whose answer never came, or was never written down. The call itself is not repeated. */
export async function settleUnknownIntent(
  run: Run,
  provider: BillingProvider,
  intentId: string,
): Promise<Settled> {
  const open = await run(async (ctx) => {
    const intent = await lockIntent(ctx.tx, intentId);
    if (intent === null || (intent.state !== "unknown" && intent.state !== "sent")) {
      return null;
    }
    const raw = await requireSubscription(ctx.tx, ctx.workspace.id, intent.subjectId);
    return { intent, atLeastSeconds: secondsOf(text(raw, "watermark")) };
  });
  if (open === null) {
    return "not_ours";
  }
  const answer = await provider.fetch("subscription", open.intent.subjectId);
  if (answer.kind !== "done") {
    return { retryAfterMs: answer.kind === "unavailable" ? answer.retryAfterMs : 60_000 };
  }
  const { value } = answer;
  return run(async (ctx) => {
    if (value !== null) {
      await applyFetched(ctx, value, {
        atLeastSeconds: open.atLeastSeconds,
        answeredAtSeconds: answer.answeredAtSeconds,
      });
    }
    const { request, subjectId } = open.intent;
    if (value?.kind === "subscription" && isCarriedOut(value, request["when"])) {
      await finishCancel(ctx, intentId, {
        subjectId,
        request,
        requestId: answer.requestId,
        proof: "looked_up",
      });
      return "done";
    }
    const ageMs = ctx.now.getTime() - open.intent.createdAt.getTime();
    if (ageMs < ORPHANED_AFTER_MS) {
      // The call may still be under way there: given up now, nobody would note its success.
      return { retryAfterMs: Math.min(LOOK_AGAIN_MS, ORPHANED_AFTER_MS - ageMs) };
    }
    await settleIntentRow(ctx.tx, intentId, {
      state: "failed",
      error: "Looked up: the provider had not carried it out.",
      at: ctx.now,
    });
    return "failed";
  });
}
