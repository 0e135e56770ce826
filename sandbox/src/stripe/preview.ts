import { createAgenda } from "#sandbox/agenda.ts";
import { need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { required } from "#sandbox/http/failure.ts";
import { nested, text, type Input } from "#sandbox/http/input.ts";
import { createRandom } from "#sandbox/random.ts";

import { draftFor, movePeriods } from "./cycles.ts";
import type { Invoice } from "./shapes.ts";
import { currentPeriod } from "./subscription-state.ts";
import { updateSubscription } from "./subscription-update.ts";
import { createSubscription } from "./subscriptions.ts";
import { amend, type Tables, type World } from "./world.ts";

/**
 * What would be billed: the change is carried out on a copy of the account that nobody hears of. Objects are never
 * changed in place, so copying the tables is enough.
 */
function preview(call: Call): Invoice {
  const w = copyOf(call.w);
  const { input } = call;
  const id = text(input, "subscription");
  const details = nested(input, "subscription_details");
  if (id === undefined) {
    return previewNew(w, input, details);
  }
  const before = need(w.tables.subscriptions, "subscription", id, "subscription");
  if (details !== undefined) {
    updateSubscription(w, id, details);
    const changed = need(w.tables.subscriptions, "subscription", id);
    const billed = w.tables.invoices.get(changed.latest_invoice ?? "");
    if (changed.latest_invoice !== before.latest_invoice && billed !== undefined) {
      return shown(call.w, billed);
    }
  }
  const subscription = need(w.tables.subscriptions, "subscription", id);
  const { end } = currentPeriod(subscription);
  const moved = amend(w.tables.subscriptions, subscription, {
    items: {
      ...subscription.items,
      data: movePeriods(subscription.items.data, end, subscription.billing_cycle_anchor),
    },
  });
  return shown(
    call.w,
    draftFor(w, moved, { reason: "upcoming", period: !subscription.cancel_at_period_end }),
  );
}

function previewNew(w: World, input: Input, details: Input | undefined): Invoice {
  const customer = text(input, "customer");
  if (customer === undefined || details === undefined) {
    throw required("customer");
  }
  const hash = new Map(details.hash)
    .set("customer", customer)
    .set("payment_behavior", "default_incomplete");
  const made = createSubscription(w, { hash, path: "" });
  return shown(w, need(w.tables.invoices, "invoice", made.latest_invoice ?? ""));
}

function shown(w: World, invoice: Invoice): Invoice {
  return {
    ...invoice,
    id: `upcoming_in_${w.random.token(20)}`,
    amount_paid: 0,
    amount_remaining: invoice.amount_due,
    attempted: false,
    attempt_count: 0,
    hosted_invoice_url: null,
    invoice_pdf: null,
    number: null,
    status: "draft",
  };
}

function copyOf(w: World): World {
  return {
    ...w,
    agenda: createAgenda(),
    events: new Map(),
    listeners: [],
    random: createRandom(w.random.below(2 ** 31)),
    tables: copyTables(w.tables),
    secrets: {
      ...w.secrets,
      behaviours: new Map(w.secrets.behaviours),
      paymentOfInvoice: new Map(w.secrets.paymentOfInvoice),
      invoiceOfIntent: new Map(w.secrets.invoiceOfIntent),
    },
  };
}

function copyTables(t: Tables): Tables {
  return {
    ...t,
    customers: new Map(t.customers),
    paymentMethods: new Map(t.paymentMethods),
    paymentIntents: new Map(t.paymentIntents),
    charges: new Map(t.charges),
    disputes: new Map(t.disputes),
    coupons: new Map(t.coupons),
    promotionCodes: new Map(t.promotionCodes),
    discounts: new Map(t.discounts),
    invoices: new Map(t.invoices),
    invoiceItems: new Map(t.invoiceItems),
    invoicePayments: new Map(t.invoicePayments),
    subscriptions: new Map(t.subscriptions),
    prices: new Map(t.prices),
    products: new Map(t.products),
    balanceTransactions: new Map(t.balanceTransactions),
  };
}

/** Before the invoice routes, whose `*` would take `create_preview` for an id. */
export const previewRoutes: readonly Route[] = [
  route("POST", "/v1/invoices/create_preview", "invoiceCreatePreview", preview),
];
