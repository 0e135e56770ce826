import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Config } from "#platform/config/env.ts";

/** The local instance's own token, made at the first start; null on a machine that has none. */
export function knownToken(config: Config): string | null {
  if (config.adminToken !== null) {
    return config.adminToken;
  }
  const file = tokenFile(config);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}

export function tokenFile(config: Config): string {
  return join(config.dataDir, "keys", "admin-token");
}
