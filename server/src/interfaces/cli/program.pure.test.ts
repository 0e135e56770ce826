import { describe, expect, it } from "vitest";

import { bookList, bookRemove } from "#interfaces/testing/shelf.ts";
import type { Preview } from "#platform/operation/operation.ts";

import { type CliClient, ServerRefusal } from "./client.ts";
import { EXIT, runCli } from "./program.ts";
import { renderFacts, renderTable } from "./render.ts";

interface Seen {
  readonly calls: { name: string; input: unknown; hash: string | undefined }[];
  readonly out: string[];
  readonly err: string[];
}

const preview: Preview = {
  operation: "books.remove",
  summary: "Remove 2 of b1",
  changes: [{ table: "books", id: "b1", before: { copies: 3 }, after: { copies: 1 } }],
  rows: 1,
  money: [{ label: "refund", minor: 1999, currency: "usd" }],
  calls: [],
  messages: [],
  warnings: ["This cannot be undone."],
  hash: "abc",
};

async function type(
  line: string,
  answer?: string | null,
  refuse?: ServerRefusal,
): Promise<Seen & { code: number }> {
  const seen: Seen = { calls: [], out: [], err: [] };
  const client: CliClient = {
    call: async (operation, input, { previewHash }) => {
      if (refuse !== undefined) {
        throw refuse;
      }
      seen.calls.push({ name: operation.name, input, hash: previewHash });
      return operation === bookList
        ? { items: [{ id: "b1", title: "A\u001B[31m red\nline", copies: 3 }], nextCursor: "next" }
        : { id: "b1", left: 1 };
    },
    preview: async () => preview,
  };
  const code = await runCli(
    {
      version: "0.0.0",
      operations: [bookList, bookRemove],
      terminal: {
        out: (text) => seen.out.push(text),
        err: (text) => seen.err.push(text),
        width: 120,
        ask: answer === null || answer === undefined ? null : async () => answer,
      },
      connect: () => client,
      local: () => undefined,
    },
    line.split(" "),
  );
  return { ...seen, code };
}

const refusal = (code: string): ServerRefusal => new ServerRefusal(409, code, "No.", {});

describe("the command line", () => {
  it("prints a table for people, with the customer's control characters made harmless", async () => {
    const { out, code } = await type("books list --limit 5");
    expect(code).toBe(EXIT.done);
    expect(out.join("")).toContain("ID  TITLE");
    expect(out.join("")).not.toContain("\u001B");
    expect(out.join("")).toContain("--cursor next");
  });

  it("prints the answer as it is with --json", async () => {
    const { out } = await type("books list --json");
    expect(JSON.parse(out.join(""))).toMatchObject({ nextCursor: "next" });
  });

  it("reads lists and numbers from flags", async () => {
    const { calls } = await type("books list --limit 7 --tags a,b");
    expect(calls[0]?.input).toEqual({ limit: 7, tags: ["a", "b"] });
  });

  it("shows what a dangerous act would do and waits for a yes", async () => {
    const yes = await type("books remove b1 --copies 2", "yes");
    expect(yes.calls).toEqual([
      { name: "books.remove", input: { id: "b1", copies: 2 }, hash: "abc" },
    ]);
    expect(yes.out.join("")).toContain("copies: 3 -> 1");
    expect(yes.out.join("")).toContain("refund: 19.99 USD");
    const no = await type("books remove b1 --copies 2", "y");
    expect([no.calls, no.code]).toEqual([[], EXIT.refused]);
  });

  it("with --yes asks nobody and shows nothing, and sends the preview's hash all the same", async () => {
    const { calls, out } = await type("books remove b1 --copies 2 --yes --json");
    expect(calls).toEqual([{ name: "books.remove", input: { id: "b1", copies: 2 }, hash: "abc" }]);
    expect(JSON.parse(out.join(""))).toEqual({ id: "b1", left: 1 });
  });

  it("does nothing dangerous unasked when nobody is there", async () => {
    const { calls, code, err } = await type("books remove b1 --copies 2");
    expect([calls, code]).toEqual([[], EXIT.usage]);
    expect(err.join("")).toContain("--yes");
  });

  it("stops after the preview with --preview", async () => {
    const { calls, code } = await type("books remove b1 --copies 2 --preview");
    expect([calls, code]).toEqual([[], EXIT.done]);
  });

  it("exits with 2 on wrong usage and says what is wrong", async () => {
    const wrongNumber = await type("books list --limit many");
    expect([wrongNumber.code, wrongNumber.err.join("")]).toEqual([
      EXIT.usage,
      '--limit wants a number, got "many".\n',
    ]);
    expect((await type("books remove --copies 2 --yes")).code).toBe(EXIT.usage);
    expect((await type("book list")).code).toBe(EXIT.usage);
  });

  it("exits with 1 on a refusal and with 3 where a second person is needed", async () => {
    expect((await type("books list", null, refusal("books/too-many"))).code).toBe(EXIT.refused);
    expect((await type("books list", null, refusal("approvals/needs-approval"))).code).toBe(
      EXIT.approval,
    );
  });
});

describe("a table", () => {
  it("sets figures to the right and says so when there is nothing", () => {
    expect(
      renderTable(
        [
          { id: "a", copies: 5 },
          { id: "b", copies: 120 },
        ],
        ["id", "copies"],
        80,
      ),
    ).toBe("ID  COPIES\na        5\nb      120\n");
    expect(renderTable([], ["id"], 80)).toBe("Nothing here.\n");
  });
});

describe("facts", () => {
  it("shows a series by its shape and an empty list by a word", () => {
    expect(renderFacts({ arrivals: [0, 0, 7, 14, 0], changed: [] })).toBe(
      "arrivals  ▁▁▅█▁ (most 14)\nchanged   none\n",
    );
  });
});
