import type { Ctx } from "#platform/context.ts";
import { newId } from "#platform/ids.ts";

import type { Outcome } from "./ledger.store.ts";
import type { Snapshot } from "./model.ts";
import { applyChanges } from "./projection.commands.ts";

/**
 * Applies an answer of the provider like an event that outranks every other of its second.
 *
 * `atLeastSeconds` is the time of the newest thing known of the object *when the question was asked*:
 * the answer is at least that new, whatever the provider's clock says. Something newer that arrived
 * while we waited still wins.
 */
export async function applyFetched(
  ctx: Ctx,
  snapshot: Snapshot,
  answer: { readonly atLeastSeconds: number; readonly answeredAtSeconds: number },
): Promise<Outcome> {
  const answered = Math.max(answer.answeredAtSeconds, answer.atLeastSeconds);
  const suffix = newId("f", ctx.now).slice(2);
  const [outcome] = await applyChanges(ctx, [
    {
      stamp: {
        workspaceId: ctx.workspace.id,
        // Sorts by the provider's time among fetches of the same second.
        eventId: `fetch_${String(answered).padStart(11, "0")}_${suffix}`,
        eventType: "fetch",
        atSeconds: answer.atLeastSeconds,
        typeRank: 9,
        receivedAtMs: ctx.now.getTime(),
        previous: null,
        fetchedAtSeconds: answered,
      },
      snapshot,
    },
  ]);
  if (outcome === undefined) {
    throw new Error("A fetched snapshot was given no outcome.");
  }
  return outcome;
}
