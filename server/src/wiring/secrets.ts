import { join } from "node:path";

import type { Config } from "#platform/config/env.ts";
import { type SecretBox, deriveSecret, openSecretBox, readMasterKeys } from "#platform/secrets.ts";

function masterKeys(config: Config): readonly string[] {
  return readMasterKeys({
    key: config.masterKey,
    file: config.masterKeyFile,
    developmentFile: join(config.dataDir, "keys", "master-key"),
    production: config.production,
  }).keys;
}

/** Wraps what must not lie in the database in the clear. */
export function secretBox(config: Config): SecretBox {
  return openSecretBox(masterKeys(config));
}

/** Signs the session cookies. */
export function cookieSecret(config: Config): string {
  const [current = ""] = masterKeys(config);
  return deriveSecret(current, "cookies");
}
