import { DIMENSIONS, type Dimension, type PlanLimits, type Tier } from "./model.ts";

const NONE: Readonly<Record<Dimension, null>> = {
  sites: null,
  posts: null,
  users: null,
  storage_bytes: null,
  api_calls: null,
};

export interface Plan extends PlanLimits {
  readonly tier: Tier;
  readonly name: string;
  /** 0: the default that nobody has edited yet. */
  readonly version: number;
}

/** The figures of the runbook for starter and pro; free is smaller than starter in every dimension. */
export const DEFAULT_PLANS: Readonly<Record<Tier, Plan>> = {
  free: {
    tier: "free",
    name: "Free",
    version: 0,
    unlimited: false,
    limits: {
      sites: 1,
      posts: 100,
      users: 2,
      storage_bytes: 1_073_741_824,
      api_calls: 10_000,
    },
  },
  starter: {
    tier: "starter",
    name: "Starter",
    version: 0,
    unlimited: false,
    limits: {
      sites: 3,
      posts: 1_000,
      users: 5,
      storage_bytes: 10_737_418_240,
      api_calls: 100_000,
    },
  },
  pro: {
    tier: "pro",
    name: "Pro",
    version: 0,
    unlimited: false,
    limits: {
      sites: 10,
      posts: 10_000,
      users: 25,
      storage_bytes: 107_374_182_400,
      api_calls: 1_000_000,
    },
  },
  enterprise: {
    tier: "enterprise",
    name: "Enterprise",
    version: 0,
    unlimited: true,
    limits: NONE,
  },
};

export interface PlanEdit {
  readonly name?: string | undefined;
  readonly unlimited?: boolean | undefined;
  readonly limits: Readonly<Partial<Record<Dimension, number | undefined>>>;
}

export type PlanDecision =
  | { readonly kind: "unchanged"; readonly plan: Plan }
  | { readonly kind: "changed"; readonly plan: Plan }
  | { readonly kind: "refused"; readonly why: string };

/**
 * The next version of a plan. Limits and `unlimited` exclude each other, and leaving `unlimited`
 * needs a number for every dimension: unlimited is a property of the plan, never the absence of one.
 */
export function decidePlan(current: Plan, edit: PlanEdit): PlanDecision {
  const unlimited = edit.unlimited ?? current.unlimited;
  const given = DIMENSIONS.filter((dimension) => edit.limits[dimension] !== undefined);
  if (unlimited && given.length > 0) {
    return { kind: "refused", why: "An unlimited plan has no limits; say `unlimited: false` too." };
  }
  const limits: Record<Dimension, number | null> = { ...NONE };
  if (!unlimited) {
    for (const dimension of DIMENSIONS) {
      const limit = edit.limits[dimension] ?? current.limits[dimension];
      if (limit === null) {
        return { kind: "refused", why: `Without \`unlimited\`, ${dimension} needs a limit.` };
      }
      limits[dimension] = limit;
    }
  }
  const plan: Plan = {
    tier: current.tier,
    name: edit.name ?? current.name,
    version: current.version + 1,
    unlimited,
    limits,
  };
  const same =
    plan.name === current.name &&
    unlimited === current.unlimited &&
    DIMENSIONS.every((dimension) => limits[dimension] === current.limits[dimension]);
  return same ? { kind: "unchanged", plan: current } : { kind: "changed", plan };
}
