import { createAgenda } from "#sandbox/agenda.ts";
import { createRandom } from "#sandbox/random.ts";

import type { Invoice } from "./shapes.ts";
import type { Tables, World } from "./world.ts";

/** An account to try things in that nobody hears of; objects are never changed in place, so copied tables are enough. */
export function copyOf(w: World): World {
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

/** Enough of a copy to draft one invoice; cheap, because every renewal is announced a week ahead. */
export function copyForDraft(w: World): World {
  return {
    ...w,
    events: new Map(),
    listeners: [],
    tables: { ...w.tables, invoices: new Map(), invoiceItems: new Map(w.tables.invoiceItems) },
  };
}

/** An invoice of a rehearsal as Stripe shows one that does not exist yet. */
export function asUpcoming(w: World, invoice: Invoice): Invoice {
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
