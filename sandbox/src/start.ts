import { createRunningClock, type Clock } from "./clock.ts";
import { readConfig, type SandboxOptions } from "./config.ts";
import { createControlServer } from "./control/server.ts";
import { runDue } from "./due.ts";
import { noFaults, setFaults, type Faults } from "./faults.ts";
import { createApi, type Api } from "./http/api.ts";
import { createRouter } from "./http/router.ts";
import { close, createStripeServer, listen } from "./http/server.ts";
import { stripePages } from "./pages/pages.ts";
import { createScenarios, type Scenarios } from "./scenario/scenarios.ts";
import { stripeRoutes } from "./stripe/routes.ts";
import { registerEndpoint } from "./stripe/webhook-endpoints.ts";
import { createWorld, type World } from "./stripe/world.ts";
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
  const stripePort = await listen(stripeServer, config.stripePort, config.host);
  w.baseUrl = `http://${config.host}:${stripePort}`;
  const controlPort = await listen(controlServer, config.controlPort, config.host);
  const timer = setInterval(tick, TICK_MS);
  if (config.webhookUrl !== undefined) {
    registerEndpoint(w, {
      url: config.webhookUrl,
      enabledEvents: ["*"],
      apiVersion: config.webhookApiVersion ?? null,
      description: "from the command line",
      metadata: {},
      secret: config.webhookSecret,
    });
  }
  if (config.demo) {
    scenarios.prepareDemo(config.demoCustomers);
    scenarios.start("busy-day", config.demoRate);
  }
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
      scenarios.stop();
      await Promise.all([close(stripeServer), close(controlServer), delivery.stop()]);
    },
  };
}
