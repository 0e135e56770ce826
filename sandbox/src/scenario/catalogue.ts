import type { Api } from "#sandbox/http/api.ts";
import { idIn } from "#sandbox/http/json.ts";
import type { Price } from "#sandbox/stripe/shapes.ts";
import type { World } from "#sandbox/stripe/world.ts";

/** What the demonstration sells: amounts in minor units of US dollars. */
const PRODUCTS = [
  {
    tier: "starter",
    name: "Starter",
    description: "For small teams that begin",
    monthly: 2_900,
    annual: 29_000,
  },
  { tier: "pro", name: "Pro", description: "For teams that grow", monthly: 9_900, annual: 99_000 },
  {
    tier: "enterprise",
    name: "Enterprise",
    description: "For companies with many teams",
    monthly: 49_900,
    annual: 499_000,
  },
] as const;

/** Makes products with monthly and annual prices under lookup keys such as `pro_monthly`, unless they are there. */
export function makeCatalogue(w: World, api: Api): void {
  for (const product of PRODUCTS) {
    if (priceByKey(w, `${product.tier}_monthly`) !== undefined) {
      continue;
    }
    const made = api.call("POST", "/v1/products", {
      name: product.name,
      description: product.description,
      metadata: { plan_tier: product.tier },
    });
    const id = idIn(made);
    const prices = [
      { interval: "month", key: `${product.tier}_monthly`, amount: product.monthly },
      { interval: "year", key: `${product.tier}_annual`, amount: product.annual },
    ];
    for (const price of prices) {
      api.call("POST", "/v1/prices", {
        product: id,
        currency: "usd",
        unit_amount: price.amount,
        lookup_key: price.key,
        nickname: `${product.name} ${price.interval === "month" ? "monthly" : "annual"}`,
        recurring: { interval: price.interval },
        metadata: { plan_tier: product.tier },
      });
    }
  }
}

/** The price under a lookup key. */
export function priceByKey(w: World, key: string): Price | undefined {
  return [...w.tables.prices.values()].find((price) => price.lookup_key === key);
}
