import type { TestProject } from "vitest/node";

import { startTestCluster } from "./cluster.ts";

type Started = ReturnType<typeof startTestCluster>;

/** Several vitest projects want the cluster; the module is loaded once for each, the process is one. */
const shared = globalThis as typeof globalThis & {
  purserTestCluster?: { readonly started: Started; users: number } | undefined;
};

/** vitest's globalSetup of every project that needs a database: one cluster per run. */
export async function setup(project: TestProject): Promise<void> {
  shared.purserTestCluster ??= { started: startTestCluster(), users: 0 };
  shared.purserTestCluster.users += 1;
  const { port, credentials } = await shared.purserTestCluster.started;
  project.provide("purserCluster", { port, credentials });
}

export async function teardown(): Promise<void> {
  const cluster = shared.purserTestCluster;
  if (cluster === undefined) {
    return;
  }
  cluster.users -= 1;
  if (cluster.users === 0) {
    shared.purserTestCluster = undefined;
    await (await cluster.started).remove();
  }
}
