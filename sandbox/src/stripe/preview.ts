import { need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { required } from "#sandbox/http/failure.ts";
import { nested, text, type Input } from "#sandbox/http/input.ts";

import { upcomingInvoice } from "./cycles.ts";
import { asUpcoming, copyOf } from "./rehearsal.ts";
import type { Invoice } from "./shapes.ts";
import { updateSubscription } from "./subscription-update.ts";
import { createSubscription } from "./subscriptions.ts";
import type { World } from "./world.ts";

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
      return asUpcoming(call.w, billed);
    }
  }
  const subscription = need(w.tables.subscriptions, "subscription", id);
  return upcomingInvoice(w, subscription);
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
  return asUpcoming(w, need(w.tables.invoices, "invoice", made.latest_invoice ?? ""));
}

/** Before the invoice routes, whose `*` would take `create_preview` for an id. */
export const previewRoutes: readonly Route[] = [
  route("POST", "/v1/invoices/create_preview", "invoiceCreatePreview", preview),
];
