/** The arrows of the house. Each comment says what breaks when the arrow is bent. */
const TESTS = "([/.](test|testing|bench|test-kit)\\.tsx?$)|^server/src/platform/testing/|^tests/";
const kind = (...names) => `[/.](${names.join("|")})\\.ts$`; // `store.ts` and `refund.store.ts` are both stores

/** Lowest floor first. A room imports rooms on its own floor or below; it never looks up. */
const FLOORS = [
  ["audit", "directory", "access"],
  ["inbox", "messaging"],
  ["billing", "voice", "claims", "documents", "binders"],
  ["quotas", "memberships", "engagement", "reconciliation", "analytics", "reports"],
  ["watch", "incidents", "playbooks", "integrity", "backups", "drills", "jobs"],
];
/** What a browser can run: bundled into the console, so nothing of Node, the database or the server. */
const SHIPPABLE = "^server/src/platform/(operation/(operation|roles|procedure)|ids|money)\\.ts$";
const callDownOnly = FLOORS.slice(0, -1).map((rooms, floor) => ({
  name: `floor-${floor}-calls-down`,
  comment:
    "Call down, announce up: a lower room reaches a higher one by an event, never by an import.",
  severity: "error",
  from: { path: `^server/src/domains/(${rooms.join("|")})/`, pathNot: TESTS },
  to: {
    path: `^server/src/domains/(${FLOORS.slice(floor + 1)
      .flat()
      .join("|")})/`,
  },
}));

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files in a cycle, even of types, are one file.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-index-files",
      comment: "A barrel hides who needs what, and is how cycles start.",
      severity: "error",
      from: {},
      to: { path: "^(server|console|sandbox|tests)/.*/index\\.tsx?$", pathNot: "node_modules" },
    },
    {
      name: "no-dev-dependency-at-run-time",
      severity: "error",
      from: { path: "^(server|sandbox)/src", pathNot: TESTS },
      to: {
        dependencyTypes: ["npm-dev"],
        dependencyTypesNot: ["type-only"],
        // pg brings no types of its own: what looks like a dev dependency is erased.
        pathNot: "node_modules/@types/",
      },
    },
    {
      name: "no-undeclared-dependency",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },

    {
      name: "platform-knows-no-business",
      severity: "error",
      from: { path: "^server/src/platform/" },
      to: { path: "^server/src/(domains|providers|interfaces|wiring)/" },
    },
    {
      name: "domains-know-no-edges",
      severity: "error",
      from: { path: "^server/src/domains/" },
      to: { path: "^server/src/(providers|interfaces|wiring)/" },
    },
    {
      name: "providers-are-strangers",
      comment: "What Stripe and Paddle share belongs to a domain port.",
      severity: "error",
      from: { path: "^server/src/providers/([^/]+)/" },
      to: { path: "^server/src/providers/", pathNot: "^server/src/providers/$1/" },
    },
    {
      name: "only-wiring-wires",
      comment: "Tests of the whole house put it together as wiring does.",
      severity: "error",
      from: { pathNot: "^(server/src/(wiring/|main\\.ts$)|tests/)" },
      to: { path: "^server/src/wiring/" },
    },
    {
      name: "rooms-are-on-a-floor",
      comment: "A new room first says where it lives: add it to FLOORS.",
      severity: "error",
      from: {
        path: "^server/src/domains/",
        pathNot: `^server/src/domains/(${FLOORS.flat().join("|")})/`,
      },
      to: {},
    },
    {
      name: "console-knows-contracts-only",
      comment: "The console is a client: it may know what the doors promise, never how it is kept.",
      severity: "error",
      from: { path: "^console/" },
      to: {
        path: "^(server|sandbox)/",
        pathNot: `(^server/src/contract\\.ts$|^server/src/domains/[^/]+/contract\\.ts$|^server/src/platform/operation/operation\\.ts$)`,
      },
    },
    {
      name: "server-knows-no-client",
      severity: "error",
      from: { path: "^server/" },
      to: { path: "^(console|sandbox|tests|tooling)/" },
    },
    {
      name: "tests-are-no-part-of-the-product",
      comment: "testing.ts files are helpers of tests; the product must not need them.",
      severity: "error",
      from: { path: "^(server|sandbox|console)/src", pathNot: `${TESTS}|/testing/` },
      to: { path: "([/.](test|testing|test-kit)\\.tsx?$)|^server/src/platform/testing/|^tests/" },
    },
    {
      name: "sandbox-is-a-stranger",
      comment: "A simulator that shares code with the server tests the server against itself.",
      severity: "error",
      from: { path: "^sandbox/" },
      to: { path: "^(server|console|tests)/" },
    },

    {
      name: "core-is-pure",
      comment:
        "Ports are types and contracts shapes. Of Node only what answers alike for alike: hashing and bytes (randomness is for platform/ids.ts).",
      severity: "error",
      from: { path: kind("core") },
      to: {
        pathNot: `(${kind("core", "model", "ports", "contract")}|^server/src/platform/(clock|money|ids|problem|hash-chain|operation/roles)\\.ts$|^(node:)?(crypto|buffer)$)`,
      },
    },
    {
      name: "model-is-bedrock",
      severity: "error",
      from: { path: kind("model") },
      to: {
        pathNot: `(${kind("model")}|node_modules/zod/|^server/src/platform/(ids|money|operation/roles)\\.ts$)`,
      },
    },
    {
      name: "contract-is-shippable",
      comment: "contract.ts is bundled into the browser.",
      severity: "error",
      from: { path: kind("contract") },
      to: {
        pathNot: `(${kind("contract", "model")}|node_modules/zod/|${SHIPPABLE})`,
      },
    },
    {
      name: "operations-are-shippable",
      comment:
        "The contracts import these, and the browser bundles them: zod and oRPC's contract, nothing of Node.",
      severity: "error",
      from: { path: SHIPPABLE, pathNot: "^server/src/platform/ids\\.ts$" },
      to: { pathNot: `(node_modules/(zod|@orpc/(contract|zod))/|${SHIPPABLE})` },
    },
    {
      name: "jobs-and-events-only-declare",
      comment: "Breaks the command -> job -> handler -> command knot.",
      severity: "error",
      from: { path: `^server/src/domains/.*${kind("jobs", "events")}` },
      to: { path: "^server/src/domains/", pathNot: kind("model") },
    },
    {
      name: "tables-belong-to-their-room",
      comment:
        "Other rooms read through queries.ts; only a schema.ts may name a foreign table, for a foreign key.",
      severity: "error",
      from: { path: "^server/src/domains/([^/]+)/", pathNot: `${kind("schema")}|${TESTS}` },
      to: {
        path: "^server/src/domains/[^/]+/[^/]*(schema|store)\\.ts$",
        pathNot: "^server/src/domains/$1/",
      },
    },
    {
      name: "doors-do-not-touch-tables",
      severity: "error",
      from: { path: `^server/src/domains/.*${kind("routes", "workers", "reactions")}` },
      to: { path: kind("schema", "store") },
    },
    {
      name: "only-wiring-hangs-doors",
      severity: "error",
      from: { pathNot: `^server/src/wiring/|${TESTS}` },
      to: { path: `^server/src/domains/.*${kind("routes", "workers", "reactions")}` },
    },
    {
      name: "sql-only-in-stores",
      comment: "access/auth.ts hands better-auth its Drizzle adapter; it writes no SQL of its own.",
      severity: "error",
      from: {
        path: "^server/src/",
        pathNot: `(${kind("schema", "store", "queries", "checks")}|^server/src/(platform|wiring)/|^server/src/domains/access/auth\\.ts$|${TESTS})`,
      },
      // A Pool or a Tx may be handed on by its type; who imports the value talks SQL.
      to: { path: "node_modules/(drizzle-orm|pg)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "http-only-at-the-doors",
      severity: "error",
      from: {
        path: "^server/src/(domains|platform|providers)/",
        pathNot: `(${kind("routes")}|^server/src/platform/http/|${TESTS})`,
      },
      to: { path: "node_modules/(fastify|@fastify)/" },
    },
    ...callDownOnly,
  ],
  options: {
    parser: "swc", // TypeScript 7 has no compiler API yet; swc reads the same imports, types included
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(console/dist|.*/test-results)/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
