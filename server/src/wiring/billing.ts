import type { BillingProvider, ProviderOf } from "#domains/billing/ports.ts";
import { notConnected } from "#domains/billing/problems.ts";
import { Problem } from "#platform/problem.ts";
import { openStripe } from "#providers/stripe/client.ts";

import type { House } from "./house.ts";
import { demoSandbox } from "./sandbox.ts";

const STRIPE = "https://api.stripe.com";

/** The default workspace's Stripe account: the environment's key, or the sandbox where it runs. */
export function providersOf(house: House): ProviderOf {
  const { config, clock } = house;
  const { apiKey, apiBase } = config.stripe;
  let stripe: BillingProvider | null = null;
  if (config.sandbox && apiBase === null) {
    const sandbox = demoSandbox(config);
    stripe = openStripe({ apiKey: sandbox.apiKey, apiBase: sandbox.apiBase, clock });
  } else if (apiKey !== null) {
    stripe = openStripe({ apiKey, apiBase: apiBase ?? STRIPE, clock });
  }
  return () => {
    if (stripe === null) {
      throw new Problem(notConnected, "Set STRIPE_API_KEY.");
    }
    return stripe;
  };
}
