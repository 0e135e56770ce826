import type { Api } from "#sandbox/http/api.ts";
import { StripeFailure } from "#sandbox/http/failure.ts";
import type { FormInput } from "#sandbox/http/form.ts";
import { idIn } from "#sandbox/http/json.ts";
import { collect } from "#sandbox/stripe/collection.ts";
import { renew } from "#sandbox/stripe/cycles.ts";
import { closeDispute, openDispute } from "#sandbox/stripe/disputes.ts";
import type { Subscription } from "#sandbox/stripe/shapes.ts";
import { endSubscription } from "#sandbox/stripe/subscription-state.ts";
import type { World } from "#sandbox/stripe/world.ts";

import { makeCatalogue, priceByKey } from "./catalogue.ts";
import { inventPerson } from "./people.ts";

export interface Stage {
  readonly w: World;
  readonly api: Api;
}

const PLANS = [
  "starter_monthly",
  "starter_monthly",
  "starter_annual",
  "pro_monthly",
  "pro_monthly",
  "pro_annual",
  "enterprise_monthly",
  "enterprise_annual",
] as const;
const CARDS = ["pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex"] as const;

/** What can happen on a busy day, with its weight; each returns false when there is nobody it could happen to. */
const ACTIONS: readonly {
  readonly name: string;
  readonly weight: number;
  readonly act: (stage: Stage) => boolean;
}[] = [
  { name: "subscribe", weight: 14, act: (stage) => subscribeSomeone(stage, {}) },
  {
    name: "start a trial",
    weight: 5,
    act: (stage) => subscribeSomeone(stage, { trial_period_days: 14 }),
  },
  { name: "renew", weight: 22, act: renewSomeone },
  { name: "card fails", weight: 7, act: failSomeone },
  { name: "card replaced", weight: 9, act: recoverSomeone },
  { name: "dunning ends", weight: 2, act: giveUpOnSomeone },
  { name: "change plan", weight: 10, act: changePlan },
  { name: "cancel at period end", weight: 5, act: cancelLater },
  { name: "stay after all", weight: 3, act: stay },
  { name: "cancel now", weight: 3, act: cancelNow },
  { name: "refund", weight: 5, act: refundSomeone },
  { name: "dispute", weight: 2, act: disputeSomething },
  { name: "dispute decided", weight: 2, act: decideDispute },
  { name: "coupon", weight: 3, act: discountSomeone },
  { name: "pause", weight: 2, act: pauseSomeone },
  { name: "edit customer", weight: 6, act: editCustomer },
];

/** One thing happens; gives its name, or undefined when nothing could. */
export function happen(stage: Stage): string | undefined {
  const total = ACTIONS.reduce((sum, action) => sum + action.weight, 0);
  let at = stage.w.random.below(total);
  for (const action of ACTIONS) {
    at -= action.weight;
    if (at < 0) {
      return attempt(stage, action.act) ? action.name : undefined;
    }
  }
  return undefined;
}

/** A card may be declined in the middle of an action; that is part of the day, not an error of the scenario. */
function attempt(stage: Stage, act: (stage: Stage) => boolean): boolean {
  try {
    return act(stage);
  } catch (error) {
    if (error instanceof StripeFailure) {
      return true;
    }
    throw error;
  }
}

/** A new customer with a card and a subscription. */
export function subscribeSomeone(
  stage: Stage,
  extra: { readonly [key: string]: string | number },
): boolean {
  const { w, api } = stage;
  makeCatalogue(w, api);
  const person = inventPerson(w.random, w.tables.customers.size + 1);
  const card = w.random.pick(CARDS);
  const customer = api.call("POST", "/v1/customers", {
    name: person.company,
    email: person.email,
    payment_method: card,
    invoice_settings: { default_payment_method: card },
    metadata: { slug: person.slug },
  });
  const price = priceByKey(w, w.random.pick(PLANS));
  const quantity = w.random.below(5) === 0 ? 2 + w.random.below(8) : 1;
  const params: FormInput = {
    customer: idIn(customer),
    items: [{ price: price?.id ?? "", quantity }],
    ...extra,
  };
  api.call("POST", "/v1/subscriptions", params);
  return true;
}

function someone(
  w: World,
  keep: (subscription: Subscription) => boolean,
): Subscription | undefined {
  const [first, ...rest] = [...w.tables.subscriptions.values()].filter(
    (one) => one.test_clock === null && keep(one),
  );
  return first === undefined ? undefined : w.random.pick([first, ...rest]);
}

function isActive(subscription: Subscription): boolean {
  return subscription.status === "active" && subscription.pause_collection === null;
}

function renewSomeone({ w }: Stage): boolean {
  const subscription = someone(w, (one) => isActive(one) && !one.cancel_at_period_end);
  return subscription !== undefined && renew(w, subscription, true) !== undefined;
}

function setCard({ api }: Stage, customer: string, card: string): void {
  const method = api.call("POST", `/v1/payment_methods/${card}/attach`, { customer });
  api.call("POST", `/v1/customers/${customer}`, {
    invoice_settings: { default_payment_method: idIn(method) },
  });
}

function failSomeone(stage: Stage): boolean {
  const subscription = someone(stage.w, (one) => isActive(one) && !one.cancel_at_period_end);
  if (subscription === undefined) {
    return false;
  }
  setCard(stage, subscription.customer, "pm_card_chargeCustomerFail");
  return renew(stage.w, subscription, true) !== undefined;
}

function recoverSomeone(stage: Stage): boolean {
  const subscription = someone(stage.w, (one) => one.status === "past_due");
  const invoice = stage.w.tables.invoices.get(subscription?.latest_invoice ?? "");
  if (subscription === undefined || invoice?.status !== "open") {
    return false;
  }
  setCard(stage, subscription.customer, "pm_card_visa");
  collect(stage.w, invoice.id);
  return true;
}

function giveUpOnSomeone({ w }: Stage): boolean {
  const subscription = someone(w, (one) => one.status === "past_due");
  if (subscription === undefined) {
    return false;
  }
  endSubscription(w, subscription, { reason: "payment_failed" });
  return true;
}

function changePlan({ w, api }: Stage): boolean {
  const subscription = someone(w, isActive);
  const [item] = subscription?.items.data ?? [];
  const price = priceByKey(w, w.random.pick(PLANS));
  if (
    subscription === undefined ||
    item === undefined ||
    price === undefined ||
    price.id === item.price.id
  ) {
    return false;
  }
  api.call("POST", `/v1/subscriptions/${subscription.id}`, {
    items: [{ id: item.id, price: price.id }],
    proration_behavior: w.random.pick(["always_invoice", "create_prorations", "none"]),
  });
  return true;
}

function cancelLater({ w, api }: Stage): boolean {
  const subscription = someone(w, (one) => isActive(one) && !one.cancel_at_period_end);
  if (subscription === undefined) {
    return false;
  }
  api.call("POST", `/v1/subscriptions/${subscription.id}`, {
    cancel_at_period_end: true,
    cancellation_details: {
      feedback: w.random.pick(["too_expensive", "unused", "switched_service", "missing_features"]),
    },
  });
  return true;
}

function stay({ w, api }: Stage): boolean {
  const subscription = someone(w, (one) => one.cancel_at_period_end && one.status === "active");
  if (subscription === undefined) {
    return false;
  }
  api.call("POST", `/v1/subscriptions/${subscription.id}`, { cancel_at_period_end: false });
  return true;
}

function cancelNow({ w, api }: Stage): boolean {
  const subscription = someone(w, isActive);
  if (subscription === undefined) {
    return false;
  }
  api.call("DELETE", `/v1/subscriptions/${subscription.id}`, { prorate: true });
  return true;
}

function refundSomeone({ w, api }: Stage): boolean {
  const charges = [...w.tables.charges.values()]
    .slice(-100)
    .filter((one) => one.captured && !one.disputed && one.amount_refunded === 0);
  const [first, ...rest] = charges;
  if (first === undefined) {
    return false;
  }
  const charge = w.random.pick([first, ...rest]);
  const amount = w.random.below(2) === 0 ? charge.amount : Math.max(1, charge.amount >> 1);
  api.call("POST", "/v1/refunds", { charge: charge.id, amount, reason: "requested_by_customer" });
  return true;
}

function disputeSomething({ w }: Stage): boolean {
  const charge = [...w.tables.charges.values()]
    .slice(-50)
    .find((one) => one.captured && !one.disputed && !one.refunded);
  if (charge === undefined) {
    return false;
  }
  openDispute(w, charge, {
    reason: w.random.pick(["fraudulent", "product_not_received", "subscription_canceled"]),
    inquiry: false,
  });
  return true;
}

function decideDispute({ w }: Stage): boolean {
  const dispute = [...w.tables.disputes.values()].find(
    (one) => one.status === "needs_response" || one.status === "under_review",
  );
  if (dispute === undefined) {
    return false;
  }
  closeDispute(w, dispute.id, w.random.below(2) === 0);
  return true;
}

function discountSomeone({ w, api }: Stage): boolean {
  const subscription = someone(w, (one) => isActive(one) && one.discounts.length === 0);
  if (subscription === undefined) {
    return false;
  }
  const coupon =
    w.tables.coupons.get("LOYAL20") ??
    api.call("POST", "/v1/coupons", {
      id: "LOYAL20",
      name: "Loyal customers",
      percent_off: 20,
      duration: "repeating",
      duration_in_months: 3,
    });
  api.call("POST", `/v1/subscriptions/${subscription.id}`, {
    discounts: [{ coupon: idIn(coupon) }],
  });
  return true;
}

function pauseSomeone({ w, api }: Stage): boolean {
  const paused = someone(w, (one) => one.pause_collection !== null && one.status === "active");
  const subscription = paused ?? someone(w, isActive);
  if (subscription === undefined) {
    return false;
  }
  api.call("POST", `/v1/subscriptions/${subscription.id}`, {
    pause_collection: paused === undefined ? { behavior: "void" } : "",
  });
  return true;
}

function editCustomer({ w, api }: Stage): boolean {
  const subscription = someone(w, () => true);
  if (subscription === undefined) {
    return false;
  }
  api.call("POST", `/v1/customers/${subscription.customer}`, {
    phone: `+1415555${String(w.random.below(10_000)).padStart(4, "0")}`,
  });
  return true;
}
