import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import pg from "pg";
import Stripe from "stripe";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = join(ROOT, "server/src/main.ts");
const STRIPE_CLI = join(ROOT, "node_modules/.bin/stripe");
const KEY = "sk_test_purser_sandbox";
const UP_MS = 90_000;
const STOP_MS = 30_000;
const ROOM_BYTES = 512 * 1024 ** 2;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A running process of ours and what it printed so far. */
export interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<number | string>;
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

export interface Product extends Running {
  readonly base: string;
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stripePort: number;
  readonly control: string;
  readonly stripe: Stripe;
  /** Runs the command line against it. */
  purser(...args: string[]): Promise<Ran>;
  /** The same with --json; throws when it does not end well. */
  json(...args: string[]): Promise<Json>;
  stripeCli(...args: string[]): Promise<Ran>;
  /** A request as the owner of the default workspace. */
  api(method: string, path: string, body?: object): Promise<{ status: number; body: Json }>;
  controlCall(method: string, path: string, body?: object): Promise<Json>;
  /** As the operator's login, with no help from our code. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** What the environment of a person who runs the tests says must not matter. */
const QUIET = {
  NODE_ENV: "test",
  PURSER_HOST: "",
  PURSER_DATABASE_URL: "",
  PURSER_TRUSTED_PROXIES: "",
  PURSER_MASTER_KEY: "",
  PURSER_MASTER_KEY_FILE: "",
  PURSER_ADMIN_TOKEN: "",
  ADMIN_TOKEN: "",
  PURSER_PUBLIC_URL: "",
  PURSER_METRICS_TOKEN: "",
  PURSER_SERVER: "",
  PURSER_DEMO: "off",
  PURSER_SANDBOX: "on",
  STRIPE_API_KEY: "",
  STRIPE_API_BASE: "",
  STRIPE_WEBHOOK_SECRET: "",
};

function makeFolder(): string {
  let parent = tmpdir();
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    parent = bavail * bsize > ROOM_BYTES ? "/dev/shm" : parent;
  } catch {
    // No such place here: the temporary folder will do.
  }
  const folder = mkdtempSync(join(parent, "purser-journey-"));
  // Under root Postgres runs as another user, who may pass through here; else its data would lie outside this folder.
  chmodSync(folder, 0o711);
  return folder;
}

export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        done(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}

/** Two ports nine apart that are free: the simulator's and its control's. */
async function freeSandboxPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 65_000 && (await isFree(port + 9))) {
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => {
      done(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        done(true);
      });
    });
  });
}

/** Asks again and again until the answer is neither undefined nor false; an assertion that throws counts as not yet. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patienceMs = 30_000,
): Promise<T> {
  const end = performance.now() + patienceMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) {
        return answer;
      }
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`Not within ${patienceMs} ms: ${what}. Last: ${String(last)}`, {
        cause: last,
      });
    }
    await pause(50);
  }
}

/** Starts a part (`start`, `work`, `intake`, `serve`) and waits for the words by which it says that it is up. */
export async function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  isUp: RegExp,
): Promise<Running> {
  const running = begin(args, env);
  const { ended, said } = running;
  let end: number | string | null = null;
  void ended.then((code) => {
    end = code;
  });
  try {
    await until(`${args.join(" ")} is up`, () => end !== null || isUp.test(said()), UP_MS);
  } catch (error) {
    running.child.kill("SIGKILL");
    throw error;
  }
  if (end !== null) {
    throw new Error(`${args.join(" ")} ended with ${String(end)}:\n${said()}`);
  }
  return running;
}

function begin(args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [MAIN, ...args, "--leashed"], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    // Leashed: a test run that is killed leaves nobody behind.
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own, as a shell would give it.
    detached: true,
  });
  let text = "";
  const hear = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const ended = once(child, "exit").then(([code, signal]: (number | string | null)[]) =>
    code === null || code === undefined ? (signal ?? "") : code,
  );
  return {
    child,
    said: () => text,
    ended,
    stop: async (signal = "SIGINT") => {
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      child.kill(signal);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
  };
}

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ran> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.once("error", failed);
    child.once("close", (code) => {
      done({ code, out, err });
    });
  });
}

export const purserIn = (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, ...args], { ...QUIET, ...env });

export interface Place {
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly stripePort: number;
}

/** Ports and a folder of their own; the same place again is a second start. */
export async function makePlace(env: Readonly<Record<string, string>> = {}): Promise<Place> {
  const data = makeFolder();
  const port = await freePort();
  const stripePort = await freeSandboxPort();
  return {
    data,
    port,
    stripePort,
    env: {
      ...QUIET,
      PURSER_DATA: data,
      PURSER_PORT: String(port),
      PURSER_SANDBOX_PORT: String(stripePort),
      ...env,
    },
  };
}

/** The whole product as `npm start` runs it. */
export async function startProduct(given?: Place): Promise<Product> {
  const place = given ?? (await makePlace());
  const running = await launch(["start"], place.env, /Ctrl-C drains/u);
  return { ...running, ...doorsOf(place), remove: () => removeProduct(running, place) };
}

async function removeProduct(running: Running, place: Place): Promise<void> {
  if (running.child.exitCode === null && running.child.signalCode === null) {
    await running.stop();
  }
  rmSync(place.data, { recursive: true, force: true });
}

type Doors = Omit<Product, keyof Running | "remove">;

/** Every way into the product at a place, whether it runs or not. */
export function doorsOf(place: Place): Doors {
  const { data, env, port, stripePort } = place;
  const base = `http://127.0.0.1:${port}`;
  const control = `http://127.0.0.1:${stripePort + 9}`;
  let operatorUrl: string | null = null;
  const purser: Doors["purser"] = (...args) => run(process.execPath, [MAIN, ...args], env);
  return {
    base,
    data,
    env,
    stripePort,
    control,
    stripe: new Stripe(KEY, {
      host: "127.0.0.1",
      port: stripePort,
      protocol: "http",
      telemetry: false,
    }),
    purser,
    json: async (...args) => {
      const ran = await purser(...args, "--json");
      if (ran.code !== 0) {
        throw new Error(`purser ${args.join(" ")} ended with ${ran.code}: ${ran.err}${ran.out}`);
      }
      const answer: Json = JSON.parse(ran.out);
      return answer;
    },
    stripeCli: (...args) =>
      run(STRIPE_CLI, [...args, "--api-base", `http://127.0.0.1:${stripePort}`], {
        STRIPE_API_KEY: KEY,
        // The CLI keeps settings in the home folder of whoever runs it; ours must not be touched.
        XDG_CONFIG_HOME: join(data, "stripe-cli"),
        HOME: data,
      }),
    api: (method, path, body) =>
      ask(`${base}${path}`, method, body, { authorization: `Bearer ${tokenIn(data)}` }),
    controlCall: async (method, path, body) => {
      const answer = await ask(`${control}${path}`, method, body, {});
      if (answer.status !== 200) {
        throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      }
      return answer.body;
    },
    sql: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
      operatorUrl ??= (await purser("db", "url")).out.trim();
      const client = new pg.Client({ connectionString: operatorUrl });
      client.on("error", () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
  };
}

export function tokenIn(data: string): string {
  const file = join(data, "keys", "admin-token");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}

export async function ask(
  url: string,
  method: string,
  body: object | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; body: Json; headers: Headers }> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let json: Json = text;
  try {
    json = JSON.parse(text);
  } catch {
    // Text it is.
  }
  return { status: response.status, body: json, headers: response.headers };
}

/** The member at a path such as `quotas.0.limit`; undefined where there is none. */
export function at(json: Json | undefined, path: string): Json | undefined {
  return path
    .split(".")
    .reduce<Json | undefined>(
      (value, key) =>
        typeof value === "object" && value !== null
          ? Object.entries(value).find(([name]) => name === key)?.[1]
          : undefined,
      json,
    );
}

/** The product or price of a plan; `tier` as an operator writes it into Stripe. */
export async function makePrice(stripe: Stripe, tier: string, amount: number): Promise<string> {
  const product = await stripe.products.create({ name: tier, metadata: { plan_tier: tier } });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: amount,
    recurring: { interval: "month" },
    metadata: { plan_tier: tier },
  });
  return price.id;
}

export async function makeCustomer(stripe: Stripe, email: string): Promise<string> {
  const customer = await stripe.customers.create({
    email,
    name: email.split("@")[0] ?? email,
    payment_method: "pm_card_visa",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });
  return customer.id;
}
