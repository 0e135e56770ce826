import type { Api } from "#sandbox/http/api.ts";
import { StripeFailure } from "#sandbox/http/failure.ts";
import type { Pages } from "#sandbox/http/server.ts";
import { completeSession } from "#sandbox/stripe/checkout.ts";
import { collect } from "#sandbox/stripe/collection.ts";
import { confirmIntent } from "#sandbox/stripe/payments.ts";
import type { World } from "#sandbox/stripe/world.ts";

import { amountText, escapeHtml, layout } from "./html.ts";

interface Page {
  readonly status: number;
  readonly html: string;
  readonly location?: string;
}

const CARDS = [
  ["pm_card_visa", "Card that works (•••• 4242)"],
  ["pm_card_chargeCustomerFail", "Card that is declined when charged (•••• 0341)"],
  ["pm_card_createDispute", "Card whose owner disputes the payment (•••• 0259)"],
] as const;

/** The pages customers see: checkout (/c/pay/...), portal (/p/session/...), bank (/3ds/...), hosted invoices (/i/...). */
export function stripePages(parts: { readonly w: World; readonly api: Api }): Pages {
  return (method, url, form) => {
    const [, kind, second, third] = url.pathname.split("/");
    const posted = method === "POST" ? new URLSearchParams(form) : undefined;
    if (kind === "c" && second === "pay") {
      return checkoutPage(parts.w, third ?? "", posted);
    }
    if (kind === "p" && second === "session") {
      return portalPage(parts, third ?? "", posted);
    }
    if (kind === "3ds") {
      return authenticationPage(parts.w, second ?? "", posted);
    }
    return kind === "i" ? invoicePage(parts.w, second ?? "") : undefined;
  };
}

function missingPage(): Page {
  return { status: 404, html: layout("Not found", "<p>There is nothing at this address.</p>") };
}

function checkoutPage(w: World, id: string, posted: URLSearchParams | undefined): Page {
  const session = w.tables.checkoutSessions.get(id);
  if (session === undefined) {
    return missingPage();
  }
  let problem = "";
  if (posted !== undefined) {
    try {
      const done = completeSession(
        w,
        id,
        posted.get("card") ?? "pm_card_visa",
        posted.get("email") ?? undefined,
      );
      const target = (done.success_url ?? "").replaceAll("{CHECKOUT_SESSION_ID}", id);
      return target === ""
        ? { status: 200, html: layout("Paid", "<p>Thank you. You can close this page.</p>") }
        : { status: 303, html: "", location: target };
    } catch (error) {
      if (!(error instanceof StripeFailure)) {
        throw error;
      }
      problem = `<p role="alert">${escapeHtml(error.message)}</p>`;
    }
  }
  if (session.status !== "open") {
    return {
      status: 200,
      html: layout("Checkout", `<p>This session is ${escapeHtml(session.status ?? "closed")}.</p>`),
    };
  }
  const lines = (w.secrets.checkoutLines.get(id) ?? [])
    .map(
      (line) =>
        `<li>${escapeHtml(line.description ?? "")} × ${line.quantity ?? 1}: ${amountText(line.amount_total, line.currency)}</li>`,
    )
    .join("");
  const options = CARDS.map(
    ([value, label]) => `<option value="${value}">${escapeHtml(label)}</option>`,
  ).join("");
  const total = amountText(session.amount_total ?? 0, session.currency ?? "usd");
  const email = escapeHtml(session.customer_email ?? "");
  return {
    status: 200,
    html: layout(
      "Checkout",
      `${problem}<ul>${lines}</ul><p>Total <strong>${total}</strong></p>
<form method="post"><label>E-mail <input name="email" type="email" value="${email}"></label>
<label>Pay with <select name="card">${options}</select></label><button>Pay ${total}</button></form>`,
    ),
  };
}

function portalPage(
  parts: { w: World; api: Api },
  id: string,
  posted: URLSearchParams | undefined,
): Page {
  const { w, api } = parts;
  const session = w.tables.portalSessions.get(id);
  if (session === undefined) {
    return missingPage();
  }
  const subscription = w.tables.subscriptions.get(posted?.get("subscription") ?? "");
  if (subscription !== undefined && subscription.customer === session.customer) {
    api.call("POST", `/v1/subscriptions/${subscription.id}`, {
      cancel_at_period_end: !subscription.cancel_at_period_end,
    });
    return { status: 303, html: "", location: `/p/session/${id}` };
  }
  const rows = [...w.tables.subscriptions.values()]
    .filter((one) => one.customer === session.customer)
    .map((one) => {
      const name = one.items.data
        .map((item) => w.tables.products.get(item.price.product)?.name ?? item.price.id)
        .join(", ");
      const button = one.cancel_at_period_end ? "Keep it" : "Cancel at period end";
      const action =
        one.status === "canceled"
          ? ""
          : `<form method="post"><input type="hidden" name="subscription" value="${one.id}"><button>${button}</button></form>`;
      return `<li>${escapeHtml(name)} (${escapeHtml(one.status)}) ${action}</li>`;
    })
    .join("");
  return { status: 200, html: layout("Your subscriptions", `<ul>${rows}</ul>`) };
}

/** Where the customer proves to his bank that it is he; a payment of an invoice settles the invoice too. */
function authenticationPage(w: World, id: string, posted: URLSearchParams | undefined): Page {
  const intent = w.tables.paymentIntents.get(id);
  if (intent === undefined) {
    return missingPage();
  }
  if (posted === undefined || intent.status !== "requires_action") {
    const done = intent.status === "requires_action" ? "" : "disabled";
    const body = `<p>${amountText(intent.amount, intent.currency)} (${escapeHtml(intent.status)})</p>`;
    return {
      status: 200,
      html: layout(
        "Is it you?",
        `${body}<form method="post"><button ${done}>Yes, pay</button></form>`,
      ),
    };
  }
  const invoice = w.secrets.invoiceOfIntent.get(id);
  if (invoice === undefined) {
    confirmIntent(w, intent, { offSession: false, authenticated: true });
  } else {
    collect(w, invoice, {
      offSession: false,
      authenticated: true,
      paymentMethod: intent.payment_method ?? undefined,
    });
  }
  return { status: 303, html: "", location: `/3ds/${id}` };
}

function invoicePage(w: World, id: string): Page {
  const invoice = w.tables.invoices.get(id);
  if (invoice === undefined) {
    return missingPage();
  }
  const lines = invoice.lines.data
    .map(
      (line) =>
        `<li>${escapeHtml(line.description ?? "")}: ${amountText(line.amount, line.currency)}</li>`,
    )
    .join("");
  return {
    status: 200,
    html: layout(
      `Invoice ${invoice.number ?? ""}`,
      `<p>${escapeHtml(invoice.status ?? "")}</p><ul>${lines}</ul><p>Due <strong>${amountText(invoice.amount_due, invoice.currency)}</strong></p>`,
    ),
  };
}
