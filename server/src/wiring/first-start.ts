import { join } from "node:path";

import { ensureAdminToken, ensureOwner } from "#domains/access/commands.ts";
import { ensureEndpoint } from "#domains/inbox/endpoint.commands.ts";
import { type Config, localSecret } from "#platform/config/env.ts";
import { newId } from "#platform/ids.ts";

import { openAccess } from "./access.ts";
import type { Database } from "./database.ts";
import { type House, openHouse } from "./house.ts";
import type { SandboxAccess } from "./sandbox.ts";
import { secretBox } from "./secrets.ts";
import { knownToken, tokenFile } from "./token.ts";

export interface FirstStart {
  readonly ownerEmail: string;
  /** The password, or where it is found: a terminal's lines end in logs, so in production it is not among them. */
  readonly ownerPassword: string;
  /** Where the API token is, in words. */
  readonly tokenPlace: string;
}

const OWNER_PASSWORD = "owner-password";

export function ownerPasswordFile(config: Config): string {
  return join(config.dataDir, "keys", OWNER_PASSWORD);
}

const OWNER_EMAIL = "owner@demo.test";

/** Makes what a new installation lacks, and nothing twice: the default workspace, its plans, endpoints, owner and token. */
export async function prepareFirstStart(
  config: Config,
  database: Database,
  sandbox: SandboxAccess | null,
): Promise<FirstStart> {
  const house = openHouse(config, database, { process: "first-start", reactions: new Map() });
  try {
    await ensureDefaultWorkspace(house);
    await seedEndpoints(house, sandbox);
    const access = openAccess(house);
    const deps = {
      auth: access.auth,
      authPool: house.pool("purser_auth"),
      appPool: house.pool("purser_app"),
      clock: house.clock,
    };
    const ownerPassword = localSecret(config.dataDir, OWNER_PASSWORD);
    const { made } = await ensureOwner(deps, {
      email: OWNER_EMAIL,
      name: "Owner",
      password: ownerPassword,
    });
    const token = knownToken(config) ?? `pur_${localSecret(config.dataDir, "admin-token-seed")}`;
    await ensureAdminToken(
      deps,
      config.adminToken ?? localSecret(config.dataDir, "admin-token", () => token),
    );
    return {
      ownerEmail: OWNER_EMAIL,
      ownerPassword: passwordWords(config, made, ownerPassword),
      tokenPlace: config.adminToken === null ? tokenFile(config) : "PURSER_ADMIN_TOKEN",
    };
  } finally {
    await house.stop();
  }
}

function passwordWords(config: Config, made: boolean, password: string): string {
  if (!made && !config.demo) {
    return "the one you have set";
  }
  return config.production
    ? `in ${ownerPasswordFile(config)}: change it after the first sign-in`
    : password;
}

async function ensureDefaultWorkspace(house: House): Promise<void> {
  const { config } = house;
  const now = house.clock.now();
  await house.pool("purser_app").query(
    `insert into workspaces (public_id, slug, name, is_default, created_at)
     select $1, $2, $3, true, $4 where not exists (select from workspaces where is_default)
     on conflict do nothing`,
    [newId("ws", now), config.demo ? "demo" : "default", config.demo ? "Demo CMS" : "Default", now],
  );
}

/** The default workspace listens to every provider whose secret is known: the sandbox's, or the environment's. */
async function seedEndpoints(house: House, sandbox: SandboxAccess | null): Promise<void> {
  const { config } = house;
  const box = secretBox(config);
  const stripe = [
    ...config.stripe.webhookSecrets,
    ...(sandbox === null ? [] : [sandbox.webhookSecret]),
  ];
  const wanted = [
    { provider: "stripe", secrets: stripe },
    { provider: "paddle", secrets: config.paddle.webhookSecrets },
    { provider: "twilio", secrets: config.twilio.authTokens },
  ] as const;
  const [workspace] = await house.workspaces.all();
  if (workspace === undefined) {
    return;
  }
  const who = {
    actor: { kind: "system", job: "first-start" },
    workspace,
    requestId: house.nodeId,
    ticket: null,
  } as const;
  await house.run(who, async (ctx) => {
    for (const { provider, secrets } of wanted.filter((each) => each.secrets.length > 0)) {
      await ensureEndpoint(ctx, box, {
        provider,
        name: `${provider} (default)`,
        publicUrl: provider === "twilio" ? config.publicUrl : null,
        secrets: [...new Set(secrets)],
        isDefault: true,
        livemode: null,
      });
    }
  });
}
