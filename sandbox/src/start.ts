import { createRunningClock, type Clock } from "./clock.ts";
import { readConfig, type SandboxOptions } from "./config.ts";
import { createControlServer } from "./control/server.ts";
import { runDue } from "./due.ts";
import { noFaults, setFaults, type Faults } from "./faults.ts";
import { createApi, type Api } from "./http/api.ts";
import { createRouter } from "./http/router.ts";
import { close, createStripeServer, listenPatiently } from "./http/server.ts";
import { stripePages } from "./pages/pages.ts";
import { createScenarios, type Scenarios } from "./scenario/scenarios.ts";
import { loadState } from "./state/file.ts";
import type { Image } from "./state/image.ts";
import { startKeeper, type Keeper } from "./state/keeper.ts";
import { markOf, restoreImage, takeImage } from "./state/world-image.ts";
import { stripeRoutes } from "./stripe/routes.ts";
import { registerEndpoint } from "./stripe/webhook-endpoints.ts";
import { amend, createWorld, type World } from "./stripe/world.ts";
import { createDelivery, type Delivery } from "./webhooks/delivery.ts";

/** A running sandbox and everything a test steers it by. */
export interface Sandbox {
  readonly stripePort: number;
  readonly controlPort: number;
  readonly stripeUrl: string;
  readonly controlUrl: string;
  readonly world: World;
  readonly api: Api;
  readonly faults: Faults;
  readonly delivery: Delivery;
  readonly scenarios: Scenarios;
  /** Moves the sandbox clock (milliseconds) and runs what became due. */
  advance(milliseconds: number): void;
  setFaults(patch: object): void;
  addEndpoint(wish: {
    url: string;
    secret?: string;
    apiVersion?: string;
    enabledEvents?: readonly string[];
  }): {
    id: string;
    secret: string;
  };
  stop(): Promise<void>;
}

export type StartOptions = Partial<SandboxOptions> & {
  /** A frozen clock makes everything repeatable. */
  readonly clock?: Clock;
};

/** How often due work is looked for when time runs by itself. */
const TICK_MS = 250;

/** How long a successor waits for the port of a predecessor that is still saving its world. */
const PORT_PATIENCE_MS = 10_000;

const OWN_ENDPOINT = "from the command line";

/** Starts both servers; ports default to free ones. Rejects when a port is taken. */
export async function startSandbox(options: StartOptions = {}): Promise<Sandbox> {
  const config: SandboxOptions = { ...readConfig(["--port", "0"], {}), webhookPace: 1, ...options };
  const clock = options.clock ?? createRunningClock();
  const w = createWorld(clock, config.seed);
  const faults = noFaults();
  const delivery = createDelivery({ w, faults, pace: config.webhookPace });
  const api = createApi({ w, faults, router: createRouter(stripeRoutes(delivery)) });
  const scenarios = createScenarios({ w, api, faults });
  const tick = (): void => {
    runDue(w);
    delivery.kick();
  };
  const applyFaults = (patch: object): void => {
    setFaults(faults, patch);
    w.settings.tieSeconds = Math.max(1, Math.floor(faults.webhooks.tieSeconds));
    delivery.kick();
  };
  const advance = (milliseconds: number): void => {
    clock.advance(milliseconds);
    tick();
  };
  const parts = { w, api, faults, delivery, scenarios, advance, setFaults: applyFaults, tick };
  const stripeServer = createStripeServer(api, stripePages({ w, api }));
  const controlServer = createControlServer(parts);
  const patience = config.stateFile === undefined ? 0 : PORT_PATIENCE_MS;
  const stripePort = await listenPatiently(stripeServer, config.stripePort, config.host, patience);
  // From here to the next await nothing else has a turn: no request meets a world that is only half there.
  w.baseUrl = `http://${config.host}:${stripePort}`;
  const keeper = populate(config, parts);
  const controlPort = await listenPatiently(
    controlServer,
    config.controlPort,
    config.host,
    patience,
  );
  const timer = setInterval(tick, TICK_MS);
  return {
    ...parts,
    world: w,
    stripePort,
    controlPort,
    stripeUrl: w.baseUrl,
    controlUrl: `http://${config.host}:${controlPort}`,
    addEndpoint: (wish) =>
      registerEndpoint(w, {
        url: wish.url,
        enabledEvents: wish.enabledEvents ?? ["*"],
        apiVersion: wish.apiVersion ?? null,
        description: null,
        metadata: {},
        secret: wish.secret,
      }),
    stop: async () => {
      clearInterval(timer);
      await keeper?.stop();
      scenarios.stop();
      await Promise.all([close(stripeServer), close(controlServer), delivery.stop()]);
    },
  };
}

type Inside = Pick<Sandbox, "api" | "delivery" | "scenarios"> & { readonly w: World };

/** The world of the last run with everything that fell due since, or a new one; and whoever keeps it from now on. */
function populate(config: SandboxOptions, { w, api, delivery, scenarios }: Inside): Keeper | null {
  const parts = { w, delivery, idempotency: api.idempotency };
  const image = config.stateFile === undefined ? null : earlierWorld(config.stateFile, w);
  if (image !== null) {
    restoreImage(parts, image);
  }
  const ownEndpoint = ensureEndpoint(w, config, image?.ownEndpoint ?? null);
  if (image !== null) {
    runDue(w);
    if (image.scenario !== null) {
      scenarios.start(image.scenario.name, image.scenario.rate);
    }
  } else if (config.demo) {
    scenarios.prepareDemo(config.demoCustomers);
    scenarios.start("busy-day", config.demoRate);
  }
  if (config.stateFile === undefined) {
    return null;
  }
  const seed = image?.seed ?? config.seed;
  return startKeeper({
    file: config.stateFile,
    take: (clean) => takeImage(parts, { seed, clean, scenario: scenarios.current(), ownEndpoint }),
    mark: () => markOf(parts, scenarios.running()),
    wall: () => w.clock.wall(),
  });
}

function earlierWorld(file: string, w: World): Image | null {
  const found = loadState(file, w.clock.wall());
  switch (found.kind) {
    case "nothing":
      return null;
    case "image":
      return found.image;
    case "refused":
      // Other ids than the lost world's: its events may be known to whoever listens.
      w.random.resume(w.random.state() ^ (w.clock.wall() >>> 0));
      process.stderr.write(
        `${JSON.stringify({ level: "warn", message: `The state in ${file} cannot be used: ${found.why}. A new world begins; the file is kept as ${found.aside}.` })}\n`,
      );
      return null;
  }
}

/** The endpoint of --webhook-url: the one of the last run, at today's address and with today's secret, or a new one. */
function ensureEndpoint(w: World, config: SandboxOptions, known: string | null): string | null {
  if (config.webhookUrl === undefined) {
    return known;
  }
  const wish = {
    url: config.webhookUrl,
    enabledEvents: ["*"],
    apiVersion: config.webhookApiVersion ?? null,
    description: OWN_ENDPOINT,
    metadata: {},
    secret: config.webhookSecret,
  };
  const before = w.tables.webhookEndpoints.get(known ?? "");
  if (before === undefined) {
    return registerEndpoint(w, wish).id;
  }
  amend(w.tables.webhookEndpoints, before, { url: wish.url, api_version: wish.apiVersion });
  if (config.webhookSecret !== undefined) {
    w.secrets.endpointSecrets.set(before.id, config.webhookSecret);
  }
  return before.id;
}
