import { z } from "zod";

import { defineOperation, instant } from "#platform/operation/operation.ts";
import { READERS } from "#platform/operation/roles.ts";

import { LEVELS } from "./model.ts";

const level = z.enum(LEVELS);

export const laneFigures = z.object({
  lane: z.number().int(),
  /** compliance, money, rest, replay */
  name: z.string(),
  level,
  waiting: z.number().int(),
  parked: z.number().int(),
  oldestReceivedAt: instant.nullable(),
  oldestAgeSeconds: z.number().int().nullable(),
  /** Over the last five minutes. */
  arrivedPerMinute: z.number(),
  servedPerMinute: z.number(),
  /** Null where nothing is served or nothing waits. */
  drainSeconds: z.number().int().nullable(),
  paused: z.boolean(),
  /** "37 events wait, the oldest for 14 minutes" */
  sentence: z.string(),
});

export const failureFigures = z.object({
  windowMinutes: z.number().int(),
  received: z.number().int(),
  failed: z.number().int(),
  quarantined: z.number().int(),
  dead: z.number().int(),
  refusedSignatures: z.number().int(),
  /** Second contents that came under a known id; the first counts. */
  conflicts: z.number().int(),
  paymentFailures: z.number().int(),
  /** Failed share of what was finished in the window, 0 to 1. */
  failureRate: z.number(),
});

/** One figure a minute, oldest first; the last one is the minute that runs now. */
export const seriesFigures = z.object({
  startsAt: instant,
  stepSeconds: z.number().int(),
  arrivals: z.array(z.number().int()),
  failures: z.array(z.number().int()),
  paymentFailures: z.array(z.number().int()),
});

/** An operation worth running now, with its form filled in. */
export const suggestion = z.object({
  operation: z.string(),
  title: z.string(),
  reason: z.string(),
  input: z.record(z.string(), z.unknown()),
  checks: z.array(z.object({ label: z.string(), ok: z.boolean() })),
});

export const todayView = z.object({
  at: instant,
  state: z.object({
    level,
    /** One sentence on the state of things: what, since when, who is hurt. */
    sentence: z.string(),
    since: instant.nullable(),
    hurt: z.object({ customers: z.number().int(), events: z.number().int() }),
  }),
  /** What waits for the person who asks. */
  waiting: z.array(
    z.object({
      kind: z.string(),
      sentence: z.string(),
      since: instant.nullable(),
      href: z.string(),
    }),
  ),
  lanes: z.array(laneFigures),
  failures: failureFigures,
  series: seriesFigures,
  /** Settings, switches, plans and tokens that people changed in the last six hours, newest first. */
  changed: z.array(
    z.object({
      id: z.string(),
      at: instant,
      actor: z.string(),
      action: z.string(),
      subject: z.string().nullable(),
      sentence: z.string(),
    }),
  ),
  suggestions: z.array(suggestion),
  switches: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      value: z.string(),
      level,
      setBy: z.string().nullable(),
      setAt: instant.nullable(),
      reason: z.string().nullable(),
    }),
  ),
  jobs: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      level,
      /** "Runs at 02:00 UTC", "Done at 00:00:03", "Failed twice, tries again" */
      sentence: z.string(),
      nextAt: instant.nullable(),
      lastAt: instant.nullable(),
    }),
  ),
});
export type TodayView = z.infer<typeof todayView>;

export const showToday = defineOperation({
  name: "today.show",
  title: "Show today",
  summary: "The state of things in one sentence, and what is behind it.",
  method: "GET",
  path: "/today",
  input: z.object({}),
  output: todayView,
  risk: "read",
  roles: READERS,
  cli: {
    words: "today",
    lead: "state.sentence",
    table: {
      rows: "lanes",
      columns: [
        "name",
        "waiting",
        "oldestAgeSeconds",
        "arrivedPerMinute",
        "servedPerMinute",
        "sentence",
      ],
    },
  },
});

export const checkView = z.object({
  name: z.string(),
  level,
  /** "Postgres answers in 1 ms" */
  sentence: z.string(),
  ms: z.number().nullable(),
});
export const healthView = z.object({
  status: z.enum(["ok", "degraded", "down"]),
  version: z.string(),
  startedAt: instant,
  at: instant,
  checks: z.array(checkView),
});
export type HealthView = z.infer<typeof healthView>;

export const showHealth = defineOperation({
  name: "health.show",
  title: "Show health",
  summary: "Each part of Purser and whether it works.",
  method: "GET",
  path: "/health/details",
  input: z.object({}),
  output: healthView,
  risk: "read",
  roles: READERS,
  cli: { words: "health", table: { rows: "checks", columns: ["name", "level", "sentence"] } },
});

const windowMinutes = z.coerce
  .number()
  .int()
  .min(1)
  .max(43_200)
  .default(60)
  .describe("Minutes back from now");

export const webhookMetrics = defineOperation({
  name: "metrics.webhooks",
  title: "Webhook metrics",
  summary: "What came in, what failed and how long it took, over a window of minutes.",
  method: "GET",
  path: "/metrics/webhooks",
  input: z.object({ window: windowMinutes }),
  output: z.object({
    data: z.object({
      windowMinutes: z.number().int(),
      received: z.number().int(),
      processed: z.number().int(),
      failed: z.number().int(),
      pending: z.number().int(),
      duplicates: z.number().int(),
      refusedSignatures: z.number().int(),
      failureRate: z.number(),
      lagMs: z.object({ p50: z.number().nullable(), p99: z.number().nullable() }),
      byType: z.array(
        z.object({ eventType: z.string(), received: z.number().int(), failed: z.number().int() }),
      ),
    }),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "metrics webhooks" },
});

export const paymentMetrics = defineOperation({
  name: "metrics.payments",
  title: "Payment metrics",
  summary: "Invoices paid and payments failed over a window of minutes.",
  method: "GET",
  path: "/metrics/payments",
  input: z.object({ window: windowMinutes }),
  output: z.object({
    data: z.object({
      windowMinutes: z.number().int(),
      paid: z.number().int(),
      failed: z.number().int(),
      failureRate: z.number(),
      customersHurt: z.number().int(),
    }),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "metrics payments" },
});

export const healthMetrics = defineOperation({
  name: "metrics.health",
  title: "Health metrics",
  summary: "The daily health check of the runbook: every part and its state.",
  method: "GET",
  path: "/metrics/health",
  input: z.object({}),
  output: z.object({ data: healthView }),
  risk: "read",
  roles: READERS,
  cli: { words: "metrics health" },
});

export const summaryMetrics = defineOperation({
  name: "metrics.summary",
  title: "Metrics summary",
  summary: "Organizations by tier, subscriptions by status, what waits and what failed in a day.",
  method: "GET",
  path: "/metrics/summary",
  input: z.object({}),
  output: z.object({
    data: z.object({
      organizations: z.object({
        total: z.number().int(),
        byTier: z.record(z.string(), z.number().int()),
      }),
      subscriptions: z.object({
        total: z.number().int(),
        byStatus: z.record(z.string(), z.number().int()),
      }),
      webhooks: z.object({
        pending: z.number().int(),
        oldestAgeSeconds: z.number().int().nullable(),
        failed: z.number().int(),
      }),
      quotas: z.object({ overLimit: z.number().int(), overrides: z.number().int() }),
      state: z.object({ level, sentence: z.string() }),
    }),
  }),
  risk: "read",
  roles: READERS,
  cli: { words: "metrics summary" },
});
