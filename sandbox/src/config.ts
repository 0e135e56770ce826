import { parseArgs } from "node:util";

/** How a sandbox is set up; everything has a default that suits a developer's machine. */
export interface SandboxOptions {
  readonly host: string;
  /** Port of the Stripe simulator; 0 takes a free one. */
  readonly stripePort: number;
  /** Port of the control API; 0 takes a free one. */
  readonly controlPort: number;
  readonly seed: number;
  readonly demo: boolean;
  readonly webhookUrl: string | undefined;
  readonly webhookSecret: string | undefined;
  /** API version of the registered endpoint; undefined means the account's. */
  readonly webhookApiVersion: string | undefined;
  /** Delays of webhook retries and dunning retries are divided by this in demonstrations; 1 is Stripe's pace. */
  readonly webhookPace: number;
  /** Events per second of the demonstration. */
  readonly demoRate: number;
  /** Customers that exist when the demonstration begins. */
  readonly demoCustomers: number;
  /** Where the world is kept between runs; undefined keeps nothing. */
  readonly stateFile: string | undefined;
  /** Ends when standard input does, so that nothing is left behind by a parent that was killed. */
  readonly leashed: boolean;
}

const DEFAULT_STRIPE_PORT = 4010;
const CONTROL_OFFSET = 9;

/** Reads flags first, then the environment; throws a TypeError naming what is wrong. */
export function readConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): SandboxOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      port: { type: "string" },
      host: { type: "string" },
      seed: { type: "string" },
      demo: { type: "boolean" },
      "demo-rate": { type: "string" },
      "demo-customers": { type: "string" },
      "webhook-url": { type: "string" },
      "webhook-secret": { type: "string" },
      "webhook-api-version": { type: "string" },
      "webhook-pace": { type: "string" },
      state: { type: "string" },
      leashed: { type: "boolean" },
    },
  });
  const from = (flag: keyof typeof values, name: string): string | undefined => {
    const value = values[flag];
    return typeof value === "string" ? value : env[name];
  };
  const port = number(from("port", "PURSER_SANDBOX_PORT"), DEFAULT_STRIPE_PORT, "port");
  return {
    host: from("host", "PURSER_SANDBOX_HOST") ?? "127.0.0.1",
    stripePort: port,
    controlPort: port === 0 ? 0 : port + CONTROL_OFFSET,
    seed: number(from("seed", "PURSER_SANDBOX_SEED"), 1, "seed"),
    demo: values.demo ?? env["PURSER_SANDBOX_DEMO"] === "on",
    webhookUrl: from("webhook-url", "PURSER_SANDBOX_WEBHOOK_URL"),
    webhookSecret: from("webhook-secret", "PURSER_SANDBOX_WEBHOOK_SECRET"),
    webhookApiVersion: from("webhook-api-version", "PURSER_SANDBOX_WEBHOOK_API_VERSION"),
    webhookPace: number(from("webhook-pace", "PURSER_SANDBOX_WEBHOOK_PACE"), 60, "webhook-pace"),
    demoRate: number(from("demo-rate", "PURSER_SANDBOX_DEMO_RATE"), 1, "demo-rate"),
    demoCustomers: number(
      from("demo-customers", "PURSER_SANDBOX_DEMO_CUSTOMERS"),
      40,
      "demo-customers",
    ),
    stateFile: from("state", "PURSER_SANDBOX_STATE"),
    leashed: values.leashed ?? false,
  };
}

function number(value: string | undefined, fallback: number, name: string): number {
  if (value === undefined || value === "") {
    return fallback;
  }
  const parsed = Number(value);
  if (!Number.isFinite(parsed) || parsed < 0) {
    throw new TypeError(`${name} must be a number, not ${value}`);
  }
  return parsed;
}
