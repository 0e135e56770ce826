import { describe, expect, test } from "vitest";

import { cruise, findBlindness } from "./arrows.mjs";

const node = process.execPath;

/** A house in order, to which each case adds one bent arrow. */
const SOUND = {
  "server/src/platform/money.ts": "export type Minor = number;\n",
  "server/src/platform/operation/operation.ts":
    'import { z } from "zod";\nexport const o = z.string();\n',
  "server/src/platform/testing/database.ts": "export const database = 1;\n",
  "server/src/domains/inbox/model.ts": "export type Fate = string;\n",
  "server/src/domains/inbox/schema.ts": 'import { Pool } from "pg";\nexport const t = Pool;\n',
  "server/src/domains/inbox/store.ts": 'import { t } from "./schema.ts";\nexport const s = t;\n',
  "server/src/domains/inbox/workers.ts": "export const worker = 1;\n",
  "server/src/domains/billing/model.ts": 'export type { Fate } from "#domains/inbox/model.ts";\n',
  "server/src/domains/billing/contract.ts":
    'import { o } from "#platform/operation/operation.ts";\nexport const c = o;\n',
  "server/src/domains/billing/commands.ts": "export const command = 1;\n",
  "server/src/providers/stripe/client.ts": "export const stripe = 1;\n",
  "server/src/providers/paddle/client.ts": "export const paddle = 1;\n",
  "server/src/wiring/work.ts":
    'import { worker } from "#domains/inbox/workers.ts";\nexport const w = worker;\n',
  "sandbox/src/main.ts": "export const sandbox = 1;\n",
  "console/src/app.ts": 'import { c } from "purser/contract/billing";\nexport const v = c;\n',
};

const BENT = [
  [
    "no-cycles",
    "server/src/domains/inbox/model.ts",
    'import type { R } from "./ring.ts";\nexport type Fate = R;\n',
    {
      "server/src/domains/inbox/ring.ts":
        'import type { Fate } from "./model.ts";\nexport type R = Fate | 1;\n',
    },
  ],
  ["no-unresolvable", "server/src/platform/x1.ts", 'export * from "./nothing.ts";\n'],
  [
    "no-index-files",
    "server/src/domains/inbox/x2.ts",
    'import { i } from "./index.ts";\nexport const x = i;\n',
    { "server/src/domains/inbox/index.ts": "export const i = 1;\n" },
  ],
  [
    "no-dev-dependency-at-run-time",
    "server/src/domains/inbox/x3.ts",
    'import fc from "fast-check";\nexport const x = fc;\n',
  ],
  [
    "no-undeclared-dependency",
    "server/src/domains/inbox/x4.ts",
    'import c from "picocolors";\nexport const x = c;\n',
  ],
  [
    "platform-knows-no-business",
    "server/src/platform/x5.ts",
    'export type { Fate } from "#domains/inbox/model.ts";\n',
  ],
  [
    "domains-know-no-edges",
    "server/src/domains/inbox/x6.ts",
    'export { stripe } from "#providers/stripe/client.ts";\n',
  ],
  [
    "providers-are-strangers",
    "server/src/providers/stripe/x7.ts",
    'export { paddle } from "#providers/paddle/client.ts";\n',
  ],
  [
    "only-wiring-wires",
    "server/src/providers/stripe/x8.ts",
    'export { w } from "#wiring/work.ts";\n',
  ],
  [
    "sandbox-is-a-stranger",
    "sandbox/src/x9.ts",
    'export type { Minor } from "../../server/src/platform/money.ts";\n',
  ],
  [
    "server-knows-no-client",
    "server/src/platform/x10.ts",
    'export { sandbox } from "../../../sandbox/src/main.ts";\n',
  ],
  [
    "console-knows-contracts-only",
    "console/src/x11.ts",
    'export { s } from "../../server/src/domains/inbox/store.ts";\n',
  ],
  [
    "rooms-are-on-a-floor",
    "server/src/domains/attic/model.ts",
    'export type { Minor } from "#platform/money.ts";\n',
  ],
  [
    "tests-are-no-part-of-the-product",
    "server/src/domains/inbox/x12.ts",
    'export { database } from "#platform/testing/database.ts";\n',
  ],
  [
    "core-is-pure",
    "server/src/domains/billing/grace.core.ts",
    'export { command } from "./commands.ts";\n',
  ],
  [
    "model-is-bedrock",
    "server/src/domains/billing/plan.model.ts",
    'export { command } from "./commands.ts";\n',
  ],
  [
    "contract-is-shippable",
    "server/src/domains/inbox/contract.ts",
    'export { s } from "./store.ts";\n',
  ],
  [
    "operations-are-shippable",
    "server/src/platform/operation/operation.ts",
    'import { readFileSync } from "node:fs";\nexport const o = readFileSync;\n',
  ],
  [
    "jobs-and-events-only-declare",
    "server/src/domains/billing/jobs.ts",
    'export { command } from "./commands.ts";\n',
  ],
  [
    "tables-belong-to-their-room",
    "server/src/domains/billing/queries.ts",
    'export { s } from "#domains/inbox/store.ts";\n',
  ],
  [
    "doors-do-not-touch-tables",
    "server/src/domains/inbox/reactions.ts",
    'export { s } from "./store.ts";\n',
  ],
  [
    "only-wiring-hangs-doors",
    "server/src/domains/inbox/x13.ts",
    'export { worker } from "./workers.ts";\n',
  ],
  [
    "sql-only-in-stores",
    "server/src/domains/inbox/x14.ts",
    'import { Pool } from "pg";\nexport const x = Pool;\n',
  ],
  [
    "http-only-at-the-doors",
    "server/src/domains/inbox/x15.ts",
    'import fastify from "fastify";\nexport const x = fastify;\n',
  ],
  [
    "floor-1-calls-down",
    "server/src/domains/inbox/x16.ts",
    'export { command } from "#domains/billing/commands.ts";\n',
  ],
];

describe("the arrows of the house", () => {
  test("a house in order has nothing to report", () => {
    expect(cruise(node, SOUND)).toEqual([]);
  });

  describe("bent on purpose, all at once", () => {
    const bent = BENT.map(([, file, source, more = {}]) => ({ ...more, [file]: source }));
    const found = cruise(node, Object.assign({}, SOUND, ...bent));

    test.each(BENT)("%s is reported for %s", (rule, from) => {
      expect(found).toContainEqual(expect.objectContaining({ rule, from }));
    });
  });

  test("the canary is alive: a type-only import is seen", () => {
    expect(findBlindness(node)).toBeNull();
  });
});
