import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import Stripe from "stripe";

import { createFrozenClock } from "#sandbox/clock.ts";
import { close, listen, readBody } from "#sandbox/http/server.ts";
import { startSandbox, type Sandbox, type StartOptions } from "#sandbox/start.ts";

/** 5 January 2026, 12:00 UTC, milliseconds. */
export const START = 1_767_614_400_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export interface Bench {
  readonly sandbox: Sandbox;
  readonly stripe: Stripe;
  /** Types of the events so far, or since a mark. */
  types(since?: number): readonly string[];
  close(): Promise<void>;
}

/** A sandbox on a frozen clock with the official SDK pointed at it. */
export async function openBench(options: StartOptions = {}): Promise<Bench> {
  const sandbox = await startSandbox({ clock: createFrozenClock(START), ...options });
  return {
    sandbox,
    stripe: clientFor(sandbox),
    types: (since = 0) =>
      [...sandbox.world.events.values()].slice(since).map((event) => event.type),
    close: () => sandbox.stop(),
  };
}

/** The official SDK for a sandbox; retries off so that every refusal is seen. */
export function clientFor(sandbox: Sandbox): Stripe {
  return new Stripe("sk_test_0123456789abcdef", {
    host: "127.0.0.1",
    port: sandbox.stripePort,
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

export interface Received {
  readonly body: string;
  readonly signature: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The status it answers from now on. */
  answer(status: number): void;
  close(): Promise<void>;
}

/** An endpoint that keeps what it is sent. */
export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let status = 200;
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await readBody(request)) ?? "";
    const signature = request.headers["stripe-signature"];
    received.push({ body, signature: typeof signature === "string" ? signature : "" });
    response.writeHead(status).end();
  };
  const server = createServer((request, response) => {
    void take(request, response);
  });
  const port = await listen(server, 0, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${port}/webhooks/stripe`,
    received,
    answer: (next) => {
      status = next;
    },
    close: () => close(server),
  };
}

/** A customer with a card, a monthly price and its product. */
export async function subscriber(
  stripe: Stripe,
  card = "pm_card_visa",
): Promise<{ customer: Stripe.Customer; price: Stripe.Price }> {
  const customer = await stripe.customers.create({
    email: "ada@example.com",
    payment_method: card,
    invoice_settings: { default_payment_method: card },
  });
  const product = await stripe.products.create({ name: "Pro" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 2500,
    recurring: { interval: "month" },
  });
  return { customer, price };
}

/** The id of a price's product. */
export function productOf(price: Stripe.Price): string {
  return typeof price.product === "string" ? price.product : price.product.id;
}
