import { z } from "zod";

import { defineOperation, instant, pageInput, pageOf } from "#platform/operation/operation.ts";
import { ADMINS, READERS, SUPPORTERS } from "#platform/operation/roles.ts";

const provider = z.enum(["stripe", "paddle", "twilio"]);
const lane = z.union([z.literal(0), z.literal(1), z.literal(5), z.literal(9)]);
export const laneInput = z.coerce.number().pipe(lane);

/** Where an event is: `ready` to be worked off, `retrying` after a failure, `waiting` for its parent, `held` until its room exists; the rest are ends. */
export const eventState = z.enum([
  "ready",
  "retrying",
  "waiting",
  "held",
  "applied",
  "ignored",
  "superseded",
  "quarantined",
  "dead",
]);

export const inboxEventRow = z.object({
  id: z.string(),
  provider,
  endpoint: z.string(),
  /** As people call it; several endpoints of one provider are told apart by it. */
  endpointName: z.string(),
  externalId: z.string(),
  type: z.string(),
  key: z.string(),
  lane,
  state: eventState,
  reason: z.string().nullable(),
  attempts: z.number().int(),
  duplicates: z.number().int(),
  occurredAt: instant,
  receivedAt: instant,
  settledAt: instant.nullable(),
  /** Received to settled. */
  tookMs: z.number().nullable(),
});

const filters = {
  provider: provider.optional(),
  state: eventState.optional(),
  type: z
    .string()
    .max(200)
    .optional()
    .describe("An event type, or its beginning with a star: invoice.*"),
  lane: laneInput.optional(),
  key: z
    .string()
    .max(300)
    .optional()
    .describe("The object it concerns: stripe:cus_123, or cus_123"),
  externalId: z.string().max(300).optional().describe("The provider's id of the event: evt_123"),
  since: instant.optional(),
  until: instant.optional(),
};

export const inboxList = defineOperation({
  name: "inbox.list",
  title: "Look through the inbox",
  summary: "Every webhook that was taken in, newest first, and what became of it.",
  method: "GET",
  path: "/inbox/events",
  input: z.object({
    ...filters,
    after: z.string().max(40).optional().describe("Only events newer than this id (live lists)"),
    ...pageInput,
    limit: z.coerce.number().int().min(1).max(200).default(50),
  }),
  output: pageOf(inboxEventRow),
  risk: "read",
  roles: READERS,
  cli: {
    words: "inbox list",
    table: {
      rows: "items",
      columns: ["id", "receivedAt", "type", "key", "state", "attempts", "reason"],
    },
  },
});

export const inboxShow = defineOperation({
  name: "inbox.show",
  title: "Show an event",
  summary: "One event with its raw body, its tries, its end and what it changed.",
  method: "GET",
  path: "/inbox/events/{id}",
  input: z.object({ id: z.string().max(300).describe("The event's number, or the provider's id") }),
  output: inboxEventRow.extend({
    apiVersion: z.string().nullable(),
    supersededBy: z.string().nullable(),
    waitingFor: z.string().nullable(),
    nextTryAt: instant.nullable(),
    /** Exactly the bytes that were signed, as UTF-8; null once they are past their retention. */
    body: z.string().nullable(),
    bodyBytes: z.number().int(),
    bodyKeptUntil: instant,
    /** Headers worth keeping: which secret signed it. */
    headers: z.record(z.string(), z.string()),
    tries: z.array(
      z.object({
        at: instant,
        outcome: z.string(),
        error: z.string().nullable(),
        worker: z.string(),
      }),
    ),
    changes: z.array(
      z.object({
        table: z.string(),
        id: z.string(),
        summary: z.string(),
        changed: z.record(z.string(), z.tuple([z.unknown(), z.unknown()])),
      }),
    ),
    conflicts: z.number().int(),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "inbox show", args: ["id"] },
});

export const inboxReplay = defineOperation({
  name: "inbox.replay",
  title: "Replay events",
  summary:
    "Works events off again: one, several, a type, a span of time, or all that failed. Doing it twice changes nothing twice.",
  method: "POST",
  path: "/inbox/replay",
  input: z.object({
    ids: z
      .array(z.string().max(300))
      .max(1000)
      .optional()
      .describe("Event numbers or provider's ids"),
    type: filters.type,
    provider: provider.optional(),
    since: instant.optional(),
    until: instant.optional(),
    failed: z.boolean().optional().describe("All that ended dead or quarantined"),
  }),
  output: z.object({
    replayed: z.number().int(),
    /** They wait in the bulk lane, behind everything else. */
    bulk: z.boolean(),
    ids: z.array(z.string()),
  }),
  risk: "write",
  roles: SUPPORTERS,
  cli: { words: "inbox replay", args: ["ids"] },
});

const backlogRow = z.object({
  lane,
  provider,
  ready: z.number().int(),
  retrying: z.number().int(),
  waiting: z.number().int(),
  held: z.number().int(),
  /** Of ready and retrying. */
  oldestAgeS: z.number().nullable(),
  arrivalPerS: z.number(),
  servicePerS: z.number(),
  /** null when nothing waits or it grows faster than it is worked off. */
  etaS: z.number().nullable(),
});
export const inboxBacklog = defineOperation({
  name: "inbox.backlog",
  title: "The backlog",
  summary:
    "How much waits, how old the oldest is, how fast it comes and goes, and when it will be gone.",
  method: "GET",
  path: "/inbox/backlog",
  input: z.object({}),
  output: z.object({
    at: instant,
    depth: z.number().int(),
    held: z.number().int(),
    oldestAgeS: z.number().nullable(),
    arrivalPerS: z.number(),
    servicePerS: z.number(),
    etaS: z.number().nullable(),
    failedLastHour: z.number().int(),
    troubledKeys: z.number().int(),
    workers: z.array(z.object({ id: z.string(), seenAt: instant, note: z.string().nullable() })),
    intakes: z.array(
      z.object({ id: z.string(), seenAt: instant, spooled: z.number().int(), breaker: z.string() }),
    ),
    rows: z.array(backlogRow),
  }),
  risk: "read",
  roles: READERS,
  cli: {
    words: "inbox backlog",
    table: {
      rows: "rows",
      columns: [
        "lane",
        "provider",
        "ready",
        "retrying",
        "waiting",
        "held",
        "oldestAgeS",
        "arrivalPerS",
        "servicePerS",
        "etaS",
      ],
    },
  },
});

export const inboxWait = defineOperation({
  name: "inbox.wait",
  title: "Wait until the inbox is worked off",
  summary:
    "Answers how many events are still to be worked off; the command line asks until none is.",
  method: "GET",
  path: "/inbox/wait",
  input: z.object({ externalId: z.string().max(300).optional().describe("Only this event") }),
  output: z.object({
    pending: z.number().int(),
    waiting: z.number().int(),
    held: z.number().int(),
    done: z.boolean(),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "inbox wait" },
});

const controlRow = z.object({
  provider,
  lane,
  /** Events in work at once, over all workers; null is no limit of its own. */
  maxConcurrency: z.number().int().nullable(),
  ratePerS: z.number().nullable(),
  paused: z.boolean(),
  updatedAt: instant.nullable(),
  updatedBy: z.string().nullable(),
});
export const inboxControlsList = defineOperation({
  name: "inbox.controls.list",
  title: "The valves of the inbox",
  summary: "Concurrency, rate and pause of every lane and provider.",
  method: "GET",
  path: "/inbox/controls",
  input: z.object({}),
  output: z.object({ items: z.array(controlRow) }),
  risk: "read",
  roles: READERS,
  cli: {
    words: "inbox controls list",
    table: {
      rows: "items",
      columns: ["provider", "lane", "maxConcurrency", "ratePerS", "paused", "updatedBy"],
    },
  },
});
export const inboxControlsSet = defineOperation({
  name: "inbox.controls.set",
  title: "Turn a valve of the inbox",
  summary:
    "Limits, slows or pauses a lane of a provider on every worker within two seconds. For the default workspace only: it concerns all.",
  method: "POST",
  path: "/inbox/controls",
  input: z.object({
    provider,
    lane: laneInput,
    maxConcurrency: z.number().int().min(1).max(100_000).nullable().optional(),
    ratePerS: z.number().min(0.1).max(1_000_000).nullable().optional(),
    paused: z.boolean().optional(),
  }),
  output: controlRow,
  risk: "write",
  roles: ADMINS,
  cli: { words: "inbox controls set", args: ["provider", "lane"] },
});

export const inboxRejectedList = defineOperation({
  name: "inbox.rejected.list",
  title: "Refused webhooks",
  summary: "A sample of the requests that were not believed, with the likely cause of each.",
  method: "GET",
  path: "/inbox/rejected",
  input: z.object({
    provider: provider.optional(),
    ...pageInput,
    limit: z.coerce.number().int().min(1).max(200).default(50),
  }),
  output: pageOf(
    z.object({
      id: z.string(),
      provider,
      endpoint: z.string(),
      at: instant,
      refusal: z.string(),
      detail: z.string(),
      /** Refusals that this row stands for. */
      count: z.number().int(),
      bytes: z.number().int(),
      headers: z.record(z.string(), z.string()),
    }),
  ),
  risk: "read",
  roles: READERS,
  cli: {
    words: "inbox rejected list",
    table: { rows: "items", columns: ["at", "provider", "refusal", "detail", "count"] },
  },
});

export const inboxConflictsList = defineOperation({
  name: "inbox.conflicts.list",
  title: "Conflicting events",
  summary:
    "Events that came twice under one id with different contents; the first is the one that counts.",
  method: "GET",
  path: "/inbox/conflicts",
  input: z.object({ ...pageInput, limit: z.coerce.number().int().min(1).max(200).default(50) }),
  output: pageOf(
    z.object({
      id: z.string(),
      eventId: z.string(),
      provider,
      externalId: z.string(),
      receivedAt: instant,
      body: z.string(),
    }),
  ),
  risk: "read",
  roles: READERS,
  cli: {
    words: "inbox conflicts list",
    table: { rows: "items", columns: ["receivedAt", "provider", "externalId", "eventId"] },
  },
});

export const endpointRow = z.object({
  id: z.string(),
  provider,
  name: z.string(),
  /** Where the provider sends to, below the public address. */
  path: z.string(),
  publicUrl: z.string().nullable(),
  livemode: z.boolean().nullable(),
  enabled: z.boolean(),
  secrets: z.array(
    z.object({
      no: z.number().int(),
      notBefore: instant,
      notAfter: instant.nullable(),
      hint: z.string(),
    }),
  ),
  lastReceivedAt: instant.nullable(),
  createdAt: instant,
});
export const endpointsList = defineOperation({
  name: "endpoints.list",
  title: "Webhook endpoints",
  summary: "Where providers send their webhooks, and which secrets each accepts.",
  method: "GET",
  path: "/endpoints",
  input: z.object({}),
  output: z.object({ items: z.array(endpointRow) }),
  risk: "read",
  roles: READERS,
  cli: {
    words: "endpoints list",
    table: {
      rows: "items",
      columns: ["id", "provider", "name", "path", "enabled", "lastReceivedAt"],
    },
  },
});

export const endpointsDiagnose = defineOperation({
  name: "endpoints.diagnose",
  title: "Diagnose an endpoint",
  summary: "What came, what was refused and why, and what to check next.",
  method: "GET",
  path: "/endpoints/{id}/diagnosis",
  input: z.object({ id: z.string().max(100) }),
  output: z.object({
    endpoint: endpointRow,
    receivedLastHour: z.number().int(),
    refusedLastHour: z.number().int(),
    refusals: z.array(
      z.object({
        refusal: z.string(),
        count: z.number().int(),
        lastAt: instant,
        advice: z.string(),
      }),
    ),
    verdict: z.string(),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "endpoints diagnose", args: ["id"] },
});

export const endpointsRotateSecret = defineOperation({
  name: "endpoints.rotate-secret",
  title: "Add a signing secret",
  summary: "Accepts a new secret from now on and the old ones until the overlap ends.",
  method: "POST",
  path: "/endpoints/{id}/secrets",
  input: z.object({
    id: z.string().max(100),
    secret: z.string().min(16).max(500),
    overlapHours: z.number().min(0).max(720).default(24),
  }),
  output: endpointRow,
  risk: "dangerous",
  roles: ADMINS,
  cli: { words: "endpoints rotate-secret", args: ["id"] },
});

export const inboxContract = [
  inboxList,
  inboxShow,
  inboxReplay,
  inboxBacklog,
  inboxWait,
  inboxControlsList,
  inboxControlsSet,
  inboxRejectedList,
  inboxConflictsList,
  endpointsList,
  endpointsDiagnose,
  endpointsRotateSecret,
];
