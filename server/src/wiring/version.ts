import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { PROJECT_ROOT } from "#platform/config/env.ts";

export const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8"))).version;
