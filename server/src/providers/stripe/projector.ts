import type { Change } from "#domains/billing/model.ts";
import {
  type Unreadable,
  applyChanges,
  quarantineUnreadable,
} from "#domains/billing/projection.commands.ts";
import type { Fate, InboxEvent, Projector } from "#domains/inbox/ports.ts";
import { toUnixSeconds } from "#platform/clock.ts";
import type { BatchCtx } from "#platform/context.ts";

import { type Decoded, type Reading, readEvent } from "./translate/event.ts";

/** Writes Stripe's events into the record: read each body once, fold them all, say how each ended. */
export const stripeProjector: Projector = { provider: "stripe", apply };

type Outcome = Awaited<ReturnType<typeof applyChanges>>[number];

async function apply(ctx: BatchCtx, events: readonly InboxEvent[]): Promise<readonly Fate[]> {
  const changes: Change[] = [];
  const unreadable: Unreadable[] = [];
  const places = events.map((event) => {
    const reading = readEvent(event.body);
    if (reading.kind === "snapshot") {
      changes.push({ stamp: stampOf(event, reading), snapshot: reading.snapshot });
    } else if (reading.kind === "unreadable") {
      unreadable.push(unreadableOf(event, reading));
    }
    return { reading, change: changes.length - 1 };
  });
  const outcomes = changes.length === 0 ? [] : await applyChanges(ctx, changes);
  if (unreadable.length > 0) {
    await quarantineUnreadable(ctx, unreadable);
  }
  return places.map(({ reading, change }) => fateOf(reading, outcomes[change]));
}

function stampOf(event: InboxEvent, decoded: Decoded): Change["stamp"] {
  return {
    workspaceId: event.workspaceId,
    eventId: event.externalId,
    eventType: event.eventType,
    atSeconds: decoded.atSeconds,
    typeRank: decoded.typeRank,
    receivedAtMs: event.receivedAt.getTime(),
    previous: decoded.previous,
    fetchedAtSeconds: null,
  };
}

function unreadableOf(
  event: InboxEvent,
  reading: Extract<Reading, { kind: "unreadable" }>,
): Unreadable {
  return {
    workspaceId: event.workspaceId,
    eventId: event.externalId,
    eventType: event.eventType,
    object: reading.object,
    atSeconds: toUnixSeconds(event.occurredAt),
    receivedAtMs: event.receivedAt.getTime(),
    reason: reading.reason,
  };
}

function fateOf(reading: Reading, outcome: Outcome | undefined): Fate {
  if (reading.kind === "ignored") {
    return { kind: "ignored", reason: reading.reason };
  }
  if (reading.kind === "unreadable") {
    return { kind: "quarantined", reason: reading.reason };
  }
  if (outcome === undefined) {
    throw new Error("An event was read but has no outcome.");
  }
  switch (outcome.fate) {
    case "applied":
      return { kind: "applied" };
    case "superseded":
      return { kind: "superseded", by: outcome.by, reason: outcome.reason ?? "" };
    case "waiting":
      return { kind: "waiting", for: outcome.by ?? "", reason: outcome.reason ?? "" };
  }
}
