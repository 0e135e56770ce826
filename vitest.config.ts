import { defineConfig } from "vitest/config";

/** One Postgres for the whole run, started only when a project that names it has something to do. */
const database = ["./server/src/platform/testing/setup.ts"];

/** A test that waits longer than this hangs; the slow ones start processes of their own. */
const UNIT_MS = 15_000;
const PROCESS_MS = 120_000;

/** Pure: no database, no network but its own loopback. */
const pure = [
  "server/src/**/*.core.test.ts",
  "server/src/**/*.pure.test.ts",
  "server/src/providers/**/*.test.ts",
  "tooling/**/*.test.mjs",
];

function whole(name: string, limits: { readonly timeoutMs: number; readonly parallel: boolean }) {
  return {
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      globalSetup: database,
      testTimeout: limits.timeoutMs,
      hookTimeout: limits.timeoutMs,
      fileParallelism: limits.parallel,
    },
  };
}

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      { test: { name: "core", include: pure, testTimeout: UNIT_MS, hookTimeout: UNIT_MS } },
      {
        test: {
          name: "db",
          include: ["server/src/**/*.test.ts"],
          exclude: pure,
          globalSetup: database,
          testTimeout: UNIT_MS * 2,
          hookTimeout: UNIT_MS * 4,
        },
      },
      {
        test: {
          name: "sandbox",
          include: ["sandbox/src/**/*.test.ts"],
          testTimeout: UNIT_MS * 2,
          hookTimeout: UNIT_MS * 2,
        },
      },
      {
        test: {
          name: "console",
          include: ["console/src/**/*.test.{ts,tsx}"],
          testTimeout: UNIT_MS,
        },
      },
      whole("conformance", { timeoutMs: PROCESS_MS, parallel: true }),
      whole("journeys", { timeoutMs: PROCESS_MS, parallel: true }),
      // Each file runs the whole house, with its pools, and one of them a crowd of slow sockets.
      whole("faults", { timeoutMs: PROCESS_MS, parallel: false }),
      // Crashes are timed and saturate the machine on purpose: one at a time.
      whole("crash", { timeoutMs: PROCESS_MS * 2, parallel: false }),
      whole("browser", { timeoutMs: PROCESS_MS, parallel: false }),
    ],
  },
});
