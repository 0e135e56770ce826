import type { Answer, BillingProvider, ProviderOf } from "#domains/billing/ports.ts";
import { notConnected } from "#domains/billing/problems.ts";
import { Problem } from "#platform/problem.ts";
import { openStripe } from "#providers/stripe/client.ts";

import type { House } from "./house.ts";
import { demoSandbox } from "./sandbox.ts";

const STRIPE = "https://api.stripe.com";

/**
 * The environment's Stripe account (or the sandbox, where it runs) is the default workspace's. No other
 * workspace may act in it: whoever holds a webhook secret of theirs could name the default's objects.
 */
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
  return (workspaceId) => {
    if (stripe === null) {
      throw new Problem(notConnected, "Set STRIPE_API_KEY.");
    }
    return onlyForDefault(house, stripe, workspaceId);
  };
}

const NOT_YOURS: Answer<never> = {
  kind: "refused",
  status: 409,
  code: "not_connected",
  message: "This workspace has no account at the provider.",
};

function onlyForDefault(
  house: House,
  provider: BillingProvider,
  workspaceId: number,
): BillingProvider {
  const isTheirs = async (): Promise<boolean> =>
    (await house.workspaces.default()).id === workspaceId;
  return {
    fetch: async (kind, id) => ((await isTheirs()) ? provider.fetch(kind, id) : NOT_YOURS),
    cancelSubscription: async (id, wish, options) =>
      (await isTheirs()) ? provider.cancelSubscription(id, wish, options) : NOT_YOURS,
  };
}
