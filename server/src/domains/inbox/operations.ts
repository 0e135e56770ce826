import { type BoundOperation, command, query } from "#platform/operation/bound.ts";

import { readBacklog, readWait } from "./backlog.queries.ts";
import {
  endpointsDiagnose,
  endpointsList,
  endpointsRotateSecret,
  inboxBacklog,
  inboxConflictsList,
  inboxControlsList,
  inboxControlsSet,
  inboxList,
  inboxRejectedList,
  inboxReplay,
  inboxShow,
  inboxWait,
} from "./contract.ts";
import { listControls, mergedControl, readControl, writeControl } from "./control.commands.ts";
import { rotateSecret } from "./endpoint.commands.ts";
import {
  diagnoseEndpoint,
  findEndpoint,
  listConflicts,
  listEndpoints,
  listRejected,
} from "./endpoint.queries.ts";
import { listEvents, showEvent } from "./event.queries.ts";
import { requireInstallation } from "./installation.ts";
import type { EndpointSecrets, RecordChanges } from "./ports.ts";
import { applyReplay, planReplay } from "./replay.commands.ts";

export interface InboxOperationsDeps {
  readonly secrets: EndpointSecrets;
  /** What an event changed in the record; asked of the rooms that project. */
  readonly changesOf: RecordChanges;
}

export function inboxOperations(deps: InboxOperationsDeps): BoundOperation[] {
  return [
    query(inboxList, listEvents),
    query(inboxShow, (ctx, input) => showEvent(ctx, input.id, deps.changesOf)),
    query(inboxBacklog, readBacklog),
    query(inboxWait, (ctx, input) => readWait(ctx, input.externalId)),
    query(inboxControlsList, listControls),
    query(inboxRejectedList, listRejected),
    query(inboxConflictsList, listConflicts),
    query(endpointsList, listEndpoints),
    query(endpointsDiagnose, (ctx, input) => diagnoseEndpoint(ctx, input.id)),
    replay,
    setControl,
    rotate(deps),
  ];
}

const replay = command(inboxReplay, {
  decide: async (ctx, input) => {
    const plan = await planReplay(ctx, input);
    const count = plan.events.length;
    return {
      decision: plan,
      preview: {
        summary: `Replay ${String(count)} event${count === 1 ? "" : "s"}${plan.bulk ? " in the bulk lane, behind everything else" : ""}.`,
        rows: count,
        changes: plan.events.slice(0, 100).map((event) => ({
          table: "inbox_work",
          id: String(event.id),
          before: null,
          after: { event: event.external_id, type: event.event_type, state: "ready" },
        })),
        warnings:
          count === 0 ? ["Nothing matches: only events that have ended can be replayed."] : [],
      },
    };
  },
  apply: async (ctx, _input, plan) => {
    await applyReplay(ctx, plan);
    return {
      replayed: plan.events.length,
      bulk: plan.bulk,
      ids: plan.events.slice(0, 1000).map((event) => String(event.id)),
    };
  },
});

const setControl = command(inboxControlsSet, {
  decide: async (ctx, input) => {
    await requireInstallation(ctx);
    const before = await readControl(ctx, input.provider, input.lane);
    const after = mergedControl(before, input);
    const shown = ({ maxConcurrency, ratePerS, paused }: typeof before) => ({
      maxConcurrency,
      ratePerS,
      paused,
    });
    return {
      decision: { before, after },
      preview: {
        summary: `${after.paused ? "Pause" : "Set"} lane ${String(after.lane)} of ${after.provider} on every worker.`,
        changes: [
          {
            table: "inbox_controls",
            id: `${after.provider}:${String(after.lane)}`,
            before: shown(before),
            after: shown(after),
          },
        ],
        warnings:
          after.paused && !before.paused
            ? ["Events of this lane are taken in and wait until it is opened again."]
            : [],
      },
    };
  },
  apply: (ctx, _input, { before, after }) => writeControl(ctx, before, after),
});

function rotate(deps: InboxOperationsDeps): BoundOperation {
  return command(endpointsRotateSecret, {
    decide: async (ctx, input) => {
      const endpoint = await findEndpoint(ctx, input.id);
      return {
        decision: endpoint,
        preview: {
          summary: `Accept a new secret at ${endpoint.item.name}; the old ones end in ${String(input.overlapHours)} h.`,
          changes: [
            {
              table: "endpoint_secrets",
              id: endpoint.public_id,
              before: null,
              after: { hint: `…${input.secret.slice(-4)}` },
            },
          ],
          warnings:
            input.overlapHours === 0
              ? ["Without an overlap, what the provider signed a moment ago is refused."]
              : [],
        },
      };
    },
    apply: async (ctx, input, endpoint) => {
      await rotateSecret(ctx, deps.secrets, {
        endpoint,
        secret: input.secret,
        overlapHours: input.overlapHours,
      });
      return (await findEndpoint(ctx, input.id)).item;
    },
  });
}
