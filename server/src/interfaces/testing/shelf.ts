import { z } from "zod";

import type { Ctx } from "#platform/context.ts";
import { type BoundOperation, command, query } from "#platform/operation/bound.ts";
import { defineOperation, pageInput, pageOf } from "#platform/operation/operation.ts";
import { Problem, defineProblem } from "#platform/problem.ts";

/** A room that exists for the tests of the doors: a shelf of books, without a database. */
export const bookList = defineOperation({
  name: "books.list",
  title: "List the books",
  summary: "Everything on the shelf.",
  method: "GET",
  path: "/books",
  input: z.strictObject({ ...pageInput, tags: z.array(z.string()).optional() }),
  output: pageOf(z.object({ id: z.string(), title: z.string(), copies: z.number() })),
  risk: "read",
  roles: ["owner", "viewer"],
  cli: { words: "books list", table: { rows: "items", columns: ["id", "title", "copies"] } },
});

export const bookRemove = defineOperation({
  name: "books.remove",
  title: "Remove a book",
  summary: "Takes a book off the shelf for good.",
  method: "POST",
  path: "/books/{id}/remove",
  input: z.strictObject({
    id: z.string().describe("The book"),
    copies: z.number().int().min(1),
    note: z.string().optional(),
  }),
  output: z.object({
    id: z.string(),
    left: z.number(),
    headers: z.record(z.string(), z.string()),
    words: z.record(z.string(), z.string()),
  }),
  replyHeaders: "headers",
  risk: "dangerous",
  roles: ["owner"],
  cli: { words: "books remove", args: ["id"] },
});

const tooMany = defineProblem({
  code: "books/too-many",
  status: 409,
  title: "There are not so many.",
});

export interface Shelf {
  readonly operations: readonly BoundOperation[];
  readonly copies: Map<string, number>;
}

export function openShelf(): Shelf {
  const copies = new Map([
    ["b1", 3],
    ["b2", 1],
  ]);
  const left = (id: string): number => copies.get(id) ?? 0;
  return {
    copies,
    operations: [
      query(bookList, async () => ({
        items: [...copies].map(([id, count]) => ({ id, title: `Title of ${id}`, copies: count })),
        nextCursor: null,
      })),
      command(bookRemove, {
        decide: async (_ctx: Ctx, { id, copies: wanted }) => {
          if (left(id) < wanted) {
            throw new Problem(tooMany, `${id} has ${left(id)}.`);
          }
          const after = left(id) - wanted;
          return {
            preview: {
              summary: `Remove ${wanted} of ${id}`,
              changes: [
                { table: "books", id, before: { copies: left(id) }, after: { copies: after } },
              ],
            },
            decision: { after },
          };
        },
        apply: async (_ctx: Ctx, { id }, { after }) => {
          copies.set(id, after);
          return {
            id,
            left: after,
            headers: { "books-left": String(after) },
            words: { "not a header": "x" },
          };
        },
      }),
    ],
  };
}
