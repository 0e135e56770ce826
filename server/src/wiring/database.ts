import { join } from "node:path";

import pg from "pg";

import { type Config, hasLocalSecret, localSecret } from "#platform/config/env.ts";
import { type RoleMode } from "#platform/db/roles.ts";
import { type DatabaseUrls, embeddedUrls } from "#platform/postgres/embedded.ts";

/** Where the record lives and as whom each part may enter. */
export interface Database {
  /** For `migrate` alone. */
  readonly ownerUrl: string;
  /** For every pool; each takes its role at connect. */
  readonly serviceUrl: string;
  /** For psql: sees every workspace, owns nothing. Null in the single-role fallback. */
  readonly operatorUrl: string | null;
  readonly roles: RoleMode;
  readonly embedded: boolean;
}

export function embeddedFolder(config: Config): string {
  return join(config.dataDir, "postgres");
}

const SERVICE_SECRET = "db-service";

/** Passwords of the two logins that `migrate` makes in an external Postgres; they live beside the other keys. */
export function loginPasswords(config: Config): { service: string; operator: string } {
  return {
    service: localSecret(config.dataDir, SERVICE_SECRET),
    operator: localSecret(config.dataDir, "db-operator"),
  };
}

export function fromEmbedded(urls: DatabaseUrls): Database {
  return { ...urls, roles: "separate", embedded: true };
}

/** The database for a part that did not start one itself: the external one, or the embedded one that `purser start` keeps. */
export async function locateDatabase(config: Config): Promise<Database> {
  if (config.databaseUrl !== null) {
    return external(config, config.databaseUrl);
  }
  const urls = embeddedUrls(embeddedFolder(config));
  if (urls === null) {
    throw new Error(
      `There is no database in ${config.dataDir} yet. Run \`npm start\` first, or set PURSER_DATABASE_URL.`,
    );
  }
  return fromEmbedded(urls);
}

/** An external database: separate roles where `migrate` could make them, else the one documented fallback. */
export async function external(config: Config, ownerUrl: string): Promise<Database> {
  const hasRoles = await hasServiceLogin(ownerUrl).catch((error: unknown) => {
    // Down from boot: webhooks must be taken in all the same, as whom we were last time.
    if (hasLocalSecret(config.dataDir, SERVICE_SECRET)) {
      return true;
    }
    throw error;
  });
  if (!hasRoles) {
    return { ownerUrl, serviceUrl: ownerUrl, operatorUrl: null, roles: "single", embedded: false };
  }
  const { service, operator } = loginPasswords(config);
  return {
    ownerUrl,
    serviceUrl: asLogin(ownerUrl, "purser_service", service),
    operatorUrl: asLogin(ownerUrl, "purser_operator", operator),
    roles: "separate",
    embedded: false,
  };
}

async function hasServiceLogin(ownerUrl: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const found = await client.query("select from pg_roles where rolname = 'purser_service'");
    return found.rowCount === 1;
  } finally {
    await client.end();
  }
}

function asLogin(ownerUrl: string, user: string, password: string): string {
  const url = new URL(ownerUrl);
  url.username = user;
  url.password = password;
  return url.toString();
}
