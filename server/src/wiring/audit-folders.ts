import { join } from "node:path";

import type { Config } from "#platform/config/env.ts";

/** The sealing key and the anchors lie outside the database, so that whoever rewrites the log cannot rewrite its proof. */
export function auditFolders(config: Config): { keys: string; anchors: string } {
  return { keys: join(config.dataDir, "keys"), anchors: join(config.dataDir, "anchors") };
}
