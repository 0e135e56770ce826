import { expect, test } from "vitest";

import { type Column, fittingColumns } from "./columns.ts";

const column = (key: string, width: number, dropAt?: number): Column<string> => ({
  key,
  head: key,
  width,
  cell: (row) => row,
  ...(dropAt === undefined ? {} : { dropAt }),
});
const ALL = [column("state", 100), column("key", 150, 1), column("lane", 80, 5)];
const shown = (width: number) => fittingColumns(ALL, width).map((each) => each.key);

test("the least needed column goes first when room gets short", () => {
  expect(shown(1000)).toEqual(["state", "key", "lane"]);
  expect(shown(350)).toEqual(["state", "key"]);
  expect(shown(200)).toEqual(["state"]);
});

test("a column that must stay stays, however narrow it gets", () => {
  expect(shown(10)).toEqual(["state"]);
});
