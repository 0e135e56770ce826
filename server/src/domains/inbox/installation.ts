import type { Ctx } from "#platform/context.ts";
import { Problem } from "#platform/problem.ts";

import { installationOnly } from "./problems.ts";

/** Who runs the installation works in its default workspace; every other workspace is a tenant. */
export async function isInstallation(ctx: Ctx): Promise<boolean> {
  const found = await ctx.tx.client.query<{ is_default: boolean }>(
    "select is_default from workspaces where id = $1",
    [ctx.workspace.id],
  );
  return found.rows[0]?.is_default === true;
}

/** @throws Problem inbox/installation-only where a tenant asks for what would concern all tenants */
export async function requireInstallation(ctx: Ctx): Promise<void> {
  if (!(await isInstallation(ctx))) {
    throw new Problem(
      installationOnly,
      "Ask the people who run this installation: they turn it in the default workspace.",
    );
  }
}
