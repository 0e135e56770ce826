import { z } from "zod";

import { defineOperation, instant, pageInput, pageOf } from "#platform/operation/operation.ts";
import type { Role } from "#platform/operation/roles.ts";

/** The log names who did what to whom; it is for those who answer for the house. */
const AUDIT_READERS: readonly Role[] = ["owner", "admin", "auditor"];
/** Support finds its own tickets again through the log. */
const LOG_READERS: readonly Role[] = ["owner", "admin", "billing", "support", "auditor"];

const auditEntry = z.object({
  id: z.string(),
  /** The moment of the act, by the clock of the unit of work. */
  at: instant,
  action: z.string(),
  actor: z.object({
    kind: z.enum(["staff", "token", "provider", "system", "operator"]),
    id: z.string(),
    name: z.string(),
  }),
  subject: z.object({ kind: z.string(), id: z.string() }).nullable(),
  organizationId: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
  requestId: z.string().nullable(),
  ticket: z.string().nullable(),
});

export const auditListOperation = defineOperation({
  name: "audit.list",
  title: "Read the audit log",
  summary: "Who did what, when, to whom. Newest first; every filter narrows.",
  method: "GET",
  path: "/audit",
  input: z.object({
    ...pageInput,
    action: z
      .string()
      .max(100)
      .optional()
      .describe("An action such as staff.signed_in, or a prefix such as staff."),
    actor: z.string().max(200).optional().describe("Id or name of who acted"),
    subject: z.string().max(200).optional().describe("Id of what was acted on"),
    organization: z.string().max(100).optional().describe("Id of an organization"),
    ticket: z.string().max(100).optional().describe("A support ticket's id"),
    since: instant.optional().describe("Only acts at or after this moment"),
  }),
  output: pageOf(auditEntry),
  risk: "read",
  roles: LOG_READERS,
  cli: {
    words: "audit list",
    table: { rows: "items", columns: ["at", "action", "actor.name", "subject.id", "ticket"] },
  },
});

export const auditShowOperation = defineOperation({
  name: "audit.show",
  title: "Show one line of the audit log with its proof",
  summary:
    "The whole line, the seal that covers it and the path of hashes that proves its place under that seal.",
  method: "GET",
  path: "/audit/{id}",
  input: z.object({ id: z.string().regex(/^\d{1,18}$/u) }),
  output: z.object({
    entry: auditEntry,
    /** Null until the sealer has passed, normally within two seconds. */
    proof: z
      .object({
        seal: z.number().int(),
        sealedAt: instant,
        root: z.string(),
        leaf: z.string(),
        position: z.number().int(),
        leaves: z.number().int(),
        path: z.array(z.string()),
        /** The line still hashes to the leaf and the path still leads to the root. */
        holds: z.boolean(),
      })
      .nullable(),
  }),
  risk: "read",
  roles: LOG_READERS,
  cli: { words: "audit show", args: ["id"] },
});

export const AUDIT_FINDINGS = [
  "edited",
  "deleted",
  "inserted",
  "reordered",
  "tail-cut",
  "rewritten",
  "bad-signature",
  "broken-chain",
  "unsealed",
] as const;

export const auditVerifyOperation = defineOperation({
  name: "audit.verify",
  title: "Verify the audit log",
  summary:
    "Recomputes every hash, checks every seal's signature and compares the chain with the anchors kept outside the database.",
  method: "GET",
  path: "/audit/verification",
  input: z.object({
    from: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe("First seal to check; the whole chain if absent"),
    bodies: z
      .boolean()
      .default(false)
      .describe("Also hash every raw webhook; reads the whole inbox"),
  }),
  output: z.object({
    intact: z.boolean(),
    entries: z.number().int(),
    segments: z.number().int(),
    seals: z.number().int(),
    anchors: z.number().int(),
    /** Lines newer than the last seal; they are covered by the next one. */
    unsealed: z.number().int(),
    /** Age of the oldest line that no seal covers yet, in seconds. */
    sealLagSeconds: z.number(),
    head: z.object({ seal: z.number().int(), hash: z.string(), sealedAt: instant }).nullable(),
    findings: z.array(
      z.object({
        kind: z.enum(AUDIT_FINDINGS),
        seal: z.number().int().nullable(),
        entryId: z.string().nullable(),
        what: z.string(),
      }),
    ),
  }),
  risk: "read",
  roles: AUDIT_READERS,
  cli: {
    words: "audit verify",
    table: { rows: "findings", columns: ["kind", "seal", "entryId", "what"] },
  },
});
