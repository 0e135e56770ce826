import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { z } from "zod";

import { productionProblems } from "./production.ts";

/** The project's root: where `.purser`, the console's build and the migrations are found from any working directory. */
export const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");

/** Where a local instance is when nobody says otherwise. */
export const DEFAULTS = {
  port: 4000,
  sandboxPort: 4010,
  dataDir: join(PROJECT_ROOT, ".purser"),
} as const;

const flag = z
  .enum(["on", "off", "true", "false", "1", "0", "yes", "no"])
  .transform((word) => ["on", "true", "1", "yes"].includes(word));
const port = z.coerce.number().int().min(0).max(65_535);
const commaList = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const environment = z.object({
  NODE_ENV: z.string().default("development"),
  PURSER_PORT: port.default(DEFAULTS.port),
  PURSER_HOST: z.string().default("127.0.0.1"),
  PURSER_DATA: z.string().default(DEFAULTS.dataDir),
  PURSER_DATABASE_URL: z.string().optional(),
  PURSER_DEMO: flag.default(true),
  PURSER_SANDBOX: flag.default(true),
  PURSER_SANDBOX_PORT: port.default(DEFAULTS.sandboxPort),
  PURSER_TRUSTED_PROXIES: commaList.default([]),
  PURSER_MASTER_KEY: z.string().min(32).optional(),
  PURSER_MASTER_KEY_FILE: z.string().optional(),
  PURSER_ADMIN_TOKEN: z.string().min(16).optional(),
  ADMIN_TOKEN: z.string().min(16).optional(),
  PURSER_PUBLIC_URL: z.url().optional(),
  PURSER_METRICS_TOKEN: z.string().optional(),
  PURSER_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  PURSER_SERVER: z.url().optional(),
  STRIPE_API_KEY: z.string().optional(),
  STRIPE_API_BASE: z.url().optional(),
  STRIPE_WEBHOOK_SECRET: commaList.default([]),
  PADDLE_WEBHOOK_SECRET_KEY: commaList.default([]),
  PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV: flag.default(false),
  TWILIO_AUTH_TOKEN: commaList.default([]),
});

export interface Config {
  readonly production: boolean;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  readonly demo: boolean;
  readonly sandbox: boolean;
  readonly sandboxPort: number;
  readonly trustedProxies: readonly string[];
  readonly masterKey: string | null;
  readonly masterKeyFile: string | null;
  readonly adminToken: string | null;
  readonly publicUrl: string;
  readonly metricsToken: string | null;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly server: string;
  readonly stripe: {
    readonly apiKey: string | null;
    readonly apiBase: string | null;
    readonly webhookSecrets: readonly string[];
  };
  readonly paddle: { readonly webhookSecrets: readonly string[] };
  readonly twilio: { readonly authTokens: readonly string[] };
}

/** The environment and the flags cannot make a working house; `problems` names every reason at once. */
class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n  - ${problems.join("\n  - ")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

type Overrides = Partial<Record<keyof z.input<typeof environment>, string>>;

/** Reads the environment once, with the command line's flags on top; reports every mistake together. */
export function readConfig(overrides: Overrides = {}): Config {
  const source: Record<string, string | undefined> = { ...process.env };
  for (const [name, value] of Object.entries(overrides)) {
    source[name] = value;
  }
  for (const [name, value] of Object.entries(source)) {
    if (value === "") {
      delete source[name]; // `PURSER_DATABASE_URL= npm start` means unset
    }
  }
  const parsed = environment.safeParse(source);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => {
        const name = issue.path.join(".");
        // A key or a token is never repeated back.
        const given = /PORT|HOST|URL|DEMO|SANDBOX|LEVEL/.test(name) ? `=${source[name] ?? ""}` : "";
        return `${name}${given}: ${issue.message}`;
      }),
    );
  }
  const env = parsed.data;
  const production = env.NODE_ENV === "production";
  if (production) {
    refuseInProduction(env, source);
  }
  const publicUrl = env.PURSER_PUBLIC_URL ?? `http://127.0.0.1:${env.PURSER_PORT}`;
  return {
    production,
    port: env.PURSER_PORT,
    host: env.PURSER_HOST,
    dataDir: resolve(env.PURSER_DATA),
    databaseUrl: env.PURSER_DATABASE_URL ?? null,
    demo: production ? false : env.PURSER_DEMO,
    sandbox: production ? false : env.PURSER_SANDBOX,
    sandboxPort: env.PURSER_SANDBOX_PORT,
    trustedProxies: env.PURSER_TRUSTED_PROXIES,
    masterKey: env.PURSER_MASTER_KEY ?? null,
    masterKeyFile: env.PURSER_MASTER_KEY_FILE ?? null,
    adminToken: env.PURSER_ADMIN_TOKEN ?? env.ADMIN_TOKEN ?? null,
    publicUrl: publicUrl.replace(/\/+$/, ""),
    metricsToken: env.PURSER_METRICS_TOKEN ?? null,
    logLevel: env.PURSER_LOG_LEVEL,
    server: env.PURSER_SERVER ?? `http://127.0.0.1:${env.PURSER_PORT}`,
    stripe: {
      apiKey: env.STRIPE_API_KEY ?? null,
      apiBase: env.STRIPE_API_BASE ?? null,
      webhookSecrets: env.STRIPE_WEBHOOK_SECRET,
    },
    paddle: { webhookSecrets: env.PADDLE_WEBHOOK_SECRET_KEY },
    twilio: { authTokens: env.TWILIO_AUTH_TOKEN },
  };
}

function refuseInProduction(
  env: z.output<typeof environment>,
  source: Record<string, string | undefined>,
): void {
  const file = env.PURSER_MASTER_KEY_FILE;
  const asked = {
    demo: source["PURSER_DEMO"] !== undefined && env.PURSER_DEMO,
    sandbox: source["PURSER_SANDBOX"] !== undefined && env.PURSER_SANDBOX,
  };
  const masterKeyText = file !== undefined && existsSync(file) ? readFileSync(file, "utf8") : null;
  const problems = productionProblems(env, asked, masterKeyText);
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
}

/** A secret that this installation made for itself: read from its file, or made there (mode 0600) at first use. */
export function localSecret(dataDir: string, name: string, make?: () => string): string {
  const file = join(dataDir, "keys", name);
  if (existsSync(file)) {
    return readFileSync(file, "utf8").trim();
  }
  const value = make === undefined ? randomBytes(24).toString("base64url") : make();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${value}\n`, { mode: 0o600, flag: "wx" });
  return value;
}

export function hasLocalSecret(dataDir: string, name: string): boolean {
  return existsSync(join(dataDir, "keys", name));
}

/** What any process needs to run at all. */
const BARE = new Set([
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "NODE_OPTIONS",
  "NODE_ENV",
]);

/** The variables that a child process of ours gets: the parent's, with these on top. */
export function childEnvironment(
  extra: Record<string, string>,
  inherits: "all" | "bare",
): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => inherits === "all" || BARE.has(name));
  return { ...Object.fromEntries(kept), ...extra };
}
