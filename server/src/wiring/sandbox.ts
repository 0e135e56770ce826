import { randomInt } from "node:crypto";
import { join } from "node:path";

import { type Config, localSecret } from "#platform/config/env.ts";

/** How the local instance and its Stripe sandbox know each other. */
export interface SandboxAccess {
  readonly apiBase: string;
  readonly controlUrl: string;
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly webhookUrl: string;
}

const CONTROL_OFFSET = 9;

export function demoSandbox(config: Config): SandboxAccess {
  return {
    apiBase: `http://127.0.0.1:${config.sandboxPort}`,
    controlUrl: `http://127.0.0.1:${config.sandboxPort + CONTROL_OFFSET}`,
    // Its own key and secret, never the environment's: a simulator has no use for what opens a real account.
    apiKey: "sk_test_purser_sandbox",
    webhookSecret: `whsec_${localSecret(config.dataDir, "sandbox-webhook-secret")}`,
    webhookUrl: `${config.publicUrl}/api/webhooks/stripe`,
  };
}

/** The secret goes by environment: the command line of a process is everybody's to read. */
export function sandboxEnvironment(sandbox: SandboxAccess): Record<string, string> {
  return { PURSER_SANDBOX_WEBHOOK_SECRET: sandbox.webhookSecret };
}

export function sandboxArguments(config: Config, sandbox: SandboxAccess): readonly string[] {
  return [
    "--port",
    String(config.sandboxPort),
    "--webhook-url",
    sandbox.webhookUrl,
    // Kept between starts, so that the record and its provider go on agreeing.
    "--state",
    join(config.dataDir, "sandbox", "stripe.json"),
    "--leashed",
    // Counts only where no world is kept: an old seed would send other events under ids that are known already.
    "--seed",
    String(randomInt(1, 2 ** 31)),
    ...(config.demo ? ["--demo"] : []),
  ];
}
