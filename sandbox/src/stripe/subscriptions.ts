import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, required } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { finalizeAndCollect } from "./collection.ts";
import { redeem, wantedDiscounts } from "./coupons.ts";
import { draftFor, dropSpentDiscounts, scheduleCycle } from "./cycles.ts";
import { emit } from "./events.ts";
import { voidNow } from "./invoice-routes.ts";
import { cardError, resolvePaymentMethod } from "./payment-methods.ts";
import { periodEnd } from "./periods.ts";
import type { Customer, Subscription } from "./shapes.ts";
import { cancelSubscription, resumeSubscription } from "./subscription-end.ts";
import { itemChanges, makeItem } from "./subscription-items.ts";
import { patchSubscription } from "./subscription-state.ts";
import { updateSubscription } from "./subscription-update.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const DAY = 86_400;
const INCOMPLETE_SECONDS = 23 * 3600;
const MISSING = ["cancel", "create_invoice", "pause"] as const;
const BEHAVIOURS = [
  "allow_incomplete",
  "default_incomplete",
  "error_if_incomplete",
  "pending_if_incomplete",
] as const;

interface Terms {
  readonly trialEnd: number | undefined;
  readonly anchor: number;
  readonly firstEnd: number | undefined;
  readonly share: number;
}

/** Makes a subscription with its first invoice and tries to collect it. */
export function createSubscription(w: World, input: Input): Subscription {
  const customer = need(w.tables.customers, "customer", needText(input, "customer"), "customer");
  const changes = itemChanges(w, input);
  const first = changes?.[0];
  if (changes === undefined || first?.price === undefined) {
    throw required("items");
  }
  const behaviour = choice(input, "payment_behavior", BEHAVIOURS) ?? "allow_incomplete";
  const clockId = customer.test_clock ?? null;
  const now = nowOf(w, clockId);
  const method = text(input, "default_payment_method");
  const automatic =
    (choice(input, "collection_method", ["charge_automatically", "send_invoice"]) ??
      "charge_automatically") === "charge_automatically";
  const terms = termsOf(input, now, first.price.recurring?.trial_period_days ?? undefined);
  const hasMethod =
    method !== undefined ||
    customer.invoice_settings.default_payment_method !== null ||
    customer.default_source !== null;
  if (
    automatic &&
    !hasMethod &&
    terms.trialEnd === undefined &&
    behaviour === "allow_incomplete" &&
    (first.price.unit_amount ?? 0) > 0
  ) {
    throw invalid(
      "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
      undefined,
      "resource_missing",
    );
  }
  const id = newId(w, "sub");
  const anchor = terms.trialEnd ?? terms.anchor;
  const items = changes.map((change) => {
    const recurring = change.price?.recurring ?? null;
    const end = terms.trialEnd ?? terms.firstEnd ?? periodEnd(now, recurring, anchor);
    return makeItem(w, change, { subscription: id, clockId, start: now, end });
  });
  const subscription: Subscription = {
    ...blank(w, { id, customer, input, now }),
    billing_cycle_anchor: anchor,
    collection_method: automatic ? "charge_automatically" : "send_invoice",
    currency: first.price.currency,
    days_until_due: automatic ? null : (int(input, "days_until_due") ?? 30),
    default_payment_method:
      method === undefined || method === ""
        ? null
        : resolvePaymentMethod(w, method, "default_payment_method").id,
    items: {
      object: "list",
      data: items,
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    status: terms.trialEnd === undefined ? (automatic ? "incomplete" : "active") : "trialing",
    trial_end: terms.trialEnd ?? null,
    trial_start: terms.trialEnd === undefined ? null : now,
  };
  w.tables.subscriptions.set(id, subscription);
  return open(w, redeemed(w, subscription, input), {
    share: terms.share,
    behaviour,
    offSession: bool(input, "off_session") ?? false,
  });
}

function termsOf(input: Input, now: number, priceTrialDays: number | undefined): Terms {
  const end = text(input, "trial_end");
  const days =
    int(input, "trial_period_days") ??
    (bool(input, "trial_from_plan") === true ? priceTrialDays : undefined);
  const given = end === "now" ? undefined : int(input, "trial_end");
  const trialEnd =
    given ?? (days === undefined || days === 0 || end === "now" ? undefined : now + days * DAY);
  const anchor =
    text(input, "billing_cycle_anchor") === "now" ? undefined : int(input, "billing_cycle_anchor");
  if (trialEnd !== undefined && trialEnd <= now) {
    throw invalid(
      "Invalid timestamp: must be an integer Unix timestamp in the future.",
      "trial_end",
    );
  }
  if (anchor === undefined || anchor <= now) {
    return { trialEnd, anchor: anchor ?? now, firstEnd: undefined, share: 1 };
  }
  const free = choice(input, "proration_behavior", ["create_prorations", "none"]) === "none";
  const month = periodEnd(now, null, now) - now;
  return {
    trialEnd,
    anchor,
    firstEnd: anchor,
    share: free ? 0 : Math.min(1, (anchor - now) / month),
  };
}

function blank(
  w: World,
  from: { id: string; customer: Customer; input: Input; now: number },
): Omit<
  Subscription,
  "billing_cycle_anchor" | "collection_method" | "currency" | "items" | "status"
> {
  const { id, customer, input, now } = from;
  const atEnd = bool(input, "cancel_at_period_end") ?? false;
  const trial = nested(input, "trial_settings");
  const ending = trial === undefined ? undefined : nested(trial, "end_behavior");
  const settings = nested(input, "payment_settings");
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: null, type: "classic" },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: int(input, "cancel_at") ?? null,
    cancel_at_period_end: atEnd,
    canceled_at: atEnd ? now : null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    created: now,
    customer: customer.id,
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: nullable(input, "description") ?? null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: metadata(input),
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method:
        (settings === undefined
          ? undefined
          : choice(settings, "save_default_payment_method", ["off", "on_subscription"])) ?? "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: int(input, "backdate_start_date") ?? now,
    test_clock: w.tables.customers.get(customer.id)?.test_clock ?? null,
    transfer_data: null,
    trial_end: null,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: "now",
        missing_payment_method:
          (ending === undefined ? undefined : choice(ending, "missing_payment_method", MISSING)) ??
          "create_invoice",
      },
    },
    trial_start: null,
  };
}

/** Redeems the discounts a request asks for; they are part of the subscription from its first event on. */
function redeemed(w: World, subscription: Subscription, input: Input): Subscription {
  const wishes = wantedDiscounts(w, input) ?? [];
  const now = nowOf(w, subscription.test_clock);
  const made = wishes.map((wish) =>
    redeem(w, wish.coupon, {
      customer: subscription.customer,
      subscription: subscription.id,
      promotionCode: wish.promotionCode,
      now,
    }),
  );
  const after = amend(w.tables.subscriptions, subscription, {
    discounts: made.map((discount) => discount.id),
  });
  for (const discount of made) {
    emit(w, "customer.discount.created", discount, subscription.test_clock);
  }
  return after;
}

/** The first invoice, announced in Stripe's order, and what its payment makes of the subscription. */
function open(
  w: World,
  subscription: Subscription,
  how: { share: number; behaviour: (typeof BEHAVIOURS)[number]; offSession: boolean },
): Subscription {
  const trial = subscription.status === "trialing";
  const draft = draftFor(w, subscription, {
    reason: "subscription_create",
    period: true,
    share: how.share,
    trial,
  });
  const created = amend(w.tables.subscriptions, subscription, { latest_invoice: draft.id });
  emit(w, "customer.subscription.created", created, created.test_clock);
  emit(w, "invoice.created", draft, draft.test_clock);
  const wait = how.behaviour === "default_incomplete" && draft.amount_due > 0;
  const { decline, intent } = finalizeAndCollect(
    w,
    draft.id,
    wait ? { holdPayment: true } : { offSession: how.offSession },
  );
  if (decline !== undefined && how.behaviour === "error_if_incomplete") {
    discard(w, created.id, draft.id);
    throw cardError(
      decline,
      intent === undefined ? {} : { attached: { name: "payment_intent", id: intent.id } },
    );
  }
  dropSpentDiscounts(w, created.id, draft);
  const after = need(w.tables.subscriptions, "subscription", created.id);
  if (after.status === "incomplete") {
    w.agenda.add(after.test_clock, after.created + INCOMPLETE_SECONDS, {
      do: "expire subscription",
      subscription: after.id,
    });
  }
  scheduleCycle(w, after);
  return need(w.tables.subscriptions, "subscription", created.id);
}

function discard(w: World, id: string, invoiceId: string): void {
  w.tables.subscriptions.delete(id);
  w.tables.invoices.delete(invoiceId);
}

/** The first payment did not come within its day. */
export function expireIncomplete(w: World, id: string): void {
  const subscription = w.tables.subscriptions.get(id);
  if (subscription?.status !== "incomplete") {
    return;
  }
  const invoice = w.tables.invoices.get(subscription.latest_invoice ?? "");
  patchSubscription(w, id, {
    ended_at: nowOf(w, subscription.test_clock),
    status: "incomplete_expired",
  });
  if (invoice?.status === "open") {
    voidNow(w, invoice);
  }
}

function list(call: Call): object {
  const status = text(call.input, "status");
  return page(
    call,
    call.w.tables.subscriptions.values(),
    (subscription) =>
      matches(call, "customer", subscription.customer) &&
      matches(call, "collection_method", subscription.collection_method) &&
      matches(call, "test_clock", subscription.test_clock) &&
      (text(call.input, "price") === undefined ||
        subscription.items.data.some((item) => item.price.id === text(call.input, "price"))) &&
      statusFits(subscription.status, status),
  );
}

function statusFits(status: string, wanted: string | undefined): boolean {
  switch (wanted) {
    case undefined:
    case "":
      return status !== "canceled" && status !== "incomplete_expired";
    case "all":
      return true;
    case "ended":
      return status === "canceled" || status === "incomplete_expired";
    default:
      return status === wanted;
  }
}

function search(call: Call): object {
  const wanted = /status\s*:\s*["'](?<status>\w+)["']/u.exec(needText(call.input, "query"))
    ?.groups?.["status"];
  const data = [...call.w.tables.subscriptions.values()].filter(
    (one) => wanted === undefined || one.status === wanted,
  );
  return {
    object: "search_result",
    url: call.path,
    has_more: false,
    next_page: null,
    data: data.toReversed().slice(0, 100),
  };
}

export const subscriptionRoutes: readonly Route[] = [
  route("POST", "/v1/subscriptions", "subscriptionCreate", (call) =>
    createSubscription(call.w, call.input),
  ),
  route("GET", "/v1/subscriptions", "subscriptionList", list),
  route("GET", "/v1/subscriptions/search", "subscriptionSearch", search),
  route("GET", "/v1/subscriptions/*", [], (call) =>
    need(call.w.tables.subscriptions, "subscription", idOf(call)),
  ),
  route("POST", "/v1/subscriptions/*", "subscriptionUpdate", (call) =>
    updateSubscription(call.w, idOf(call), call.input),
  ),
  route("DELETE", "/v1/subscriptions/*", "subscriptionCancel", (call) =>
    cancelSubscription(call.w, idOf(call), call.input),
  ),
  route("POST", "/v1/subscriptions/*/resume", "subscriptionResume", (call) =>
    resumeSubscription(call.w, idOf(call), call.input),
  ),
  route("DELETE", "/v1/subscriptions/*/discount", [], (call) => {
    const before = need(call.w.tables.subscriptions, "subscription", idOf(call));
    patchSubscription(call.w, before.id, { discounts: [] });
    return { id: before.discounts[0] ?? "", object: "discount", deleted: true };
  }),
];
