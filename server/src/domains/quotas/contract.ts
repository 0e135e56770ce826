import { z } from "zod";

import { DIMENSIONS } from "#domains/billing/model.ts";
import { defineOperation, instant } from "#platform/operation/operation.ts";
import { ADMINS, BILLERS, READERS, SUPPORTERS } from "#platform/operation/roles.ts";

import { LIMIT_SOURCES, RULES } from "./model.ts";

const organizationId = z.string().min(1).max(100).describe("The organization, org_...");
const dimension = z.enum(DIMENSIONS).describe("What is counted");
const amount = z
  .number()
  .int()
  .min(1)
  .max(1_000_000_000_000_000)
  .default(1)
  .describe("How many (bytes for storage_bytes)");
const idempotencyKey = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe("Makes a retry of the same call count once, for 24 hours");

/** One quota as it stands now. `limit` and `remaining` are null exactly where the plan is unlimited. */
export const quotaView = z.object({
  dimension,
  used: z.number().int(),
  limit: z.number().int().nullable(),
  remaining: z.number().int().nullable(),
  unlimited: z.boolean(),
  /** More is in use than the limit allows (after a downgrade): it stays, nothing can be added. */
  overLimit: z.boolean(),
  /** When usage begins at nought again; null for things that are counted until they are released. */
  resetsAt: instant.nullable(),
  lastResetAt: instant,
  source: z.enum(LIMIT_SOURCES),
  overrideBy: z.string().nullable(),
  overrideAt: instant.nullable(),
});
export type QuotaView = z.infer<typeof quotaView>;

export const refusal = z.object({
  /** The last two only within a batch; alone they are problems (422, 404). */
  rule: z.enum([...RULES, "key_reused", "not_found"]),
  /** "All 3 sites of the starter plan are in use." */
  sentence: z.string(),
});

/** The answer to check, consume and release. A refusal is an answer, not an error: `allowed` is false and `refusal` says which rule. */
export const quotaAnswer = z.object({
  organizationId,
  dimension,
  allowed: z.boolean(),
  amount: z.number().int(),
  used: z.number().int(),
  limit: z.number().int().nullable(),
  remaining: z.number().int().nullable(),
  resetsAt: instant.nullable(),
  tier: z.string(),
  source: z.enum(LIMIT_SOURCES),
  refusal: refusal.nullable(),
  /** The same idempotency key was counted before: nothing was counted now. */
  replayed: z.boolean(),
  /** The same figures as header fields RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers). */
  headers: z.record(z.string(), z.string()),
});
export type QuotaAnswer = z.infer<typeof quotaAnswer>;

export const showQuotas = defineOperation({
  name: "quotas.show",
  title: "Show quotas",
  summary: "Limits and usage of one organization, and where each limit comes from.",
  method: "GET",
  path: "/organizations/{organizationId}/quotas",
  input: z.object({ organizationId }),
  output: z.object({
    organizationId: z.string(),
    tier: z.string(),
    locked: z.boolean(),
    items: z.array(quotaView),
  }),
  risk: "read",
  roles: READERS,
  cli: {
    words: "quotas show",
    args: ["organizationId"],
    table: {
      rows: "items",
      columns: ["dimension", "used", "limit", "remaining", "source", "resetsAt"],
    },
  },
});

export const checkQuota = defineOperation({
  name: "quotas.check",
  title: "Check a quota",
  summary: "Whether this amount could be used now. Nothing is counted; only consume decides.",
  method: "GET",
  path: "/organizations/{organizationId}/quotas/{dimension}/check",
  input: z.object({
    organizationId,
    dimension,
    amount: z.coerce.number().int().min(1).max(1_000_000_000_000_000).default(1),
  }),
  output: quotaAnswer,
  risk: "read",
  roles: READERS,
  replyHeaders: "headers",
  cli: { words: "quotas check", args: ["organizationId", "dimension", "amount"] },
});

export const consumeQuota = defineOperation({
  name: "quotas.consume",
  title: "Use some of a quota",
  summary:
    "Counts the amount if it fits under the limit, wholly or not at all. At a limit of N exactly N of any number of concurrent calls succeed.",
  method: "POST",
  path: "/organizations/{organizationId}/quotas/{dimension}/consume",
  input: z.object({ organizationId, dimension, amount, idempotencyKey }),
  output: quotaAnswer,
  risk: "write",
  roles: SUPPORTERS,
  replyHeaders: "headers",
  cli: { words: "quotas consume", args: ["organizationId", "dimension", "amount"] },
});

export const releaseQuota = defineOperation({
  name: "quotas.release",
  title: "Give back some of a quota",
  summary:
    "For something that no longer exists: a deleted site, a removed user. Never below nought.",
  method: "POST",
  path: "/organizations/{organizationId}/quotas/{dimension}/release",
  input: z.object({ organizationId, dimension, amount, idempotencyKey }),
  output: quotaAnswer,
  risk: "write",
  roles: SUPPORTERS,
  replyHeaders: "headers",
  cli: { words: "quotas release", args: ["organizationId", "dimension", "amount"] },
});

export const consumeBatch = defineOperation({
  name: "quotas.consume-batch",
  title: "Count usage in bulk",
  summary:
    "Up to 1,000 calls at once, decided in the order given, for engines that count in bulk. The answers come in the same order.",
  method: "POST",
  path: "/quotas/consume-batch",
  input: z.object({
    items: z
      .array(z.object({ organizationId, dimension, amount, idempotencyKey }))
      .min(1)
      .max(1_000),
  }),
  output: z.object({ items: z.array(quotaAnswer) }),
  risk: "write",
  roles: SUPPORTERS,
  cli: { words: "quotas consume-batch" },
});

export const setQuota = defineOperation({
  name: "quotas.set",
  title: "Set a quota",
  summary:
    "Another limit for this organization, or a corrected usage. A limit set here holds until the tier next changes; `usePlan` goes back to the plan's own.",
  method: "POST",
  path: "/organizations/{organizationId}/quotas/{dimension}/set",
  input: z.object({
    organizationId,
    dimension,
    limit: z
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe("The new limit"),
    usage: z
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe("The corrected usage"),
    usePlan: z.boolean().default(false).describe("Drop the override and follow the plan again"),
    reason: z.string().min(1).max(500).optional().describe("Why; kept in the audit log"),
  }),
  output: z.object({ organizationId: z.string(), quota: quotaView }),
  risk: "write",
  roles: BILLERS,
  cli: { words: "quotas set", args: ["organizationId", "dimension"] },
});

export const resetAllQuotas = defineOperation({
  name: "quotas.reset-all",
  title: "Reset monthly quotas",
  summary:
    "Begins the month for every organization of the workspace: api_calls to nought, other dimensions untouched. Those that are in this month already keep what they have used since, so a second or late run takes nothing away.",
  method: "POST",
  path: "/quotas/reset-all",
  input: z.object({
    force: z
      .boolean()
      .default(false)
      .describe("Also forget what was used since this month began (a gift to everybody)"),
  }),
  output: z.object({
    /** Rows that went to nought now. */
    reset: z.number().int(),
    /** Rows whose month had begun already, by an earlier run or by their first use. */
    alreadyReset: z.number().int(),
    periodStart: instant,
    nextReset: instant,
    at: instant,
  }),
  risk: "write",
  roles: BILLERS,
  cli: { words: "quotas reset-all" },
});

/** What an organization may do, for gates in the product. At most one second old; consume decides on the row. */
export const entitlementsView = z.object({
  organizationId: z.string(),
  tier: z.string(),
  locked: z.boolean(),
  items: z.array(
    z.object({
      dimension,
      /** One more could be added now. */
      canAdd: z.boolean(),
      /** What exists can be read. */
      canRead: z.boolean(),
      limit: z.number().int().nullable(),
      used: z.number().int(),
      refusal: refusal.nullable(),
    }),
  ),
  readAt: instant,
});

export const showEntitlements = defineOperation({
  name: "entitlements.show",
  title: "Show entitlements",
  summary: "What an organization may do now. Cached; any change is seen within one second.",
  method: "GET",
  path: "/organizations/{organizationId}/entitlements",
  input: z.object({ organizationId }),
  output: entitlementsView,
  risk: "read",
  roles: READERS,
  cli: {
    words: "entitlements show",
    args: ["organizationId"],
    table: { rows: "items", columns: ["dimension", "canAdd", "used", "limit"] },
  },
});

export const invalidateEntitlements = defineOperation({
  name: "entitlements.invalidate",
  title: "Forget cached entitlements",
  summary:
    "Makes every node read them anew at once, of one organization or of all in the workspace.",
  method: "POST",
  path: "/entitlements/invalidate",
  input: z.object({ organizationId: organizationId.optional() }),
  output: z.object({ invalidated: z.string() }),
  risk: "write",
  roles: ADMINS,
  cli: { words: "entitlements invalidate" },
});
