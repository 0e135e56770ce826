import { z } from "zod";

import type { Role } from "./roles.ts";

/** `read` changes nothing; `write` can be undone; `dangerous` moves money, cuts access or destroys, and always shows its preview first. */
export type Risk = "read" | "write" | "dangerous";

/** How the operation reads on the command line. Arguments are fields of the input given by position; every other field is a flag. */
export interface CliWords {
  /** `inbox list`, `subscriptions show`. */
  readonly words: string;
  readonly args?: readonly string[];
  /** A sentence of the output that says it all, printed first: `state.sentence`. */
  readonly lead?: string;
  /** The field of the output that holds the rows of a table, and the columns worth a terminal's width. */
  readonly table?: { readonly rows: string; readonly columns: readonly string[] };
}

/**
 * One thing that Purser can do, declared once: from it come REST with OpenAPI, the typed client, the
 * command line, the console's form with its preview, and the permission table.
 */
export interface Operation<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  /** `nouns.verb`, as in `subscriptions.cancel`. */
  readonly name: string;
  /** The words on its button: "Cancel a subscription". */
  readonly title: string;
  /** One or two plain sentences for people who have never seen it. */
  readonly summary: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under `/api`; `{id}` is a field of the input. */
  readonly path: `/${string}`;
  readonly input: Input;
  readonly output: Output;
  readonly risk: Risk;
  readonly roles: readonly Role[];
  readonly cli: CliWords;
  /** The field of the output whose entries are stated as HTTP header fields too (RateLimit of a quota). */
  readonly replyHeaders?: string;
}

export function defineOperation<Input extends z.ZodType, Output extends z.ZodType>(
  operation: Operation<Input, Output>,
): Operation<Input, Output> {
  return operation;
}

/** What an act would do, made by the same code that does it, stopped after its decision. */
export const previewSchema = z.object({
  operation: z.string(),
  /** "Replay 37 events" : the sentence on the confirm button's dialog. */
  summary: z.string(),
  changes: z.array(
    z.object({
      table: z.string(),
      id: z.string(),
      before: z.record(z.string(), z.unknown()).nullable(),
      after: z.record(z.string(), z.unknown()).nullable(),
    }),
  ),
  /** Total number of rows; `changes` may hold only the first hundred. */
  rows: z.number().int(),
  money: z.array(z.object({ label: z.string(), minor: z.number().int(), currency: z.string() })),
  calls: z.array(z.object({ provider: z.string(), what: z.string() })),
  messages: z.array(z.object({ channel: z.string(), to: z.string(), what: z.string() })),
  warnings: z.array(z.string()),
  /** Identifies exactly this preview; sent back with the act, a different outcome is refused as stale. */
  hash: z.string(),
});
export type Preview = z.infer<typeof previewSchema>;

/** Pages of a list: newest first, `cursor` is opaque, `null` on the last page. */
export const pageInput = {
  limit: z.number().int().min(1).max(200).default(50).describe("Rows to return, 1 to 200"),
  cursor: z.string().max(200).optional().describe("Where the previous page ended"),
};
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** Instants travel as ISO 8601 in UTC. */
export const instant = z.iso.datetime({ offset: true });
