import { isJsonObject, type JsonObject } from "#sandbox/http/json.ts";
import { wholeList } from "#sandbox/http/page.ts";

import type { World } from "./world.ts";

type Make = (w: World, id: string, node: JsonObject) => object;

/** Members that Stripe leaves out unless they are asked for by `expand`. */
const MAKERS = new Map<string, Make>([
  [
    "invoice.payments",
    (w, id) =>
      wholeList(
        "/v1/invoice_payments",
        [...w.tables.invoicePayments.values()].filter((payment) => payment.invoice === id),
      ),
  ],
  [
    "charge.refunds",
    (w, id) =>
      wholeList(
        `/v1/charges/${id}/refunds`,
        [...w.tables.refunds.values()].filter((refund) => refund.charge === id).toReversed(),
      ),
  ],
  [
    "checkout.session.line_items",
    (w, id) =>
      wholeList(`/v1/checkout/sessions/${id}/line_items`, w.secrets.checkoutLines.get(id) ?? []),
  ],
  [
    "customer.subscriptions",
    (w, id) =>
      wholeList(
        `/v1/customers/${id}/subscriptions`,
        [...w.tables.subscriptions.values()]
          .filter(
            (subscription) => subscription.customer === id && subscription.status !== "canceled",
          )
          .toReversed(),
      ),
  ],
  [
    "customer.sources",
    (w, id) =>
      wholeList(
        `/v1/customers/${id}/sources`,
        [...w.tables.cards.values()].filter((card) => card.customer === id),
      ),
  ],
  ["customer.tax_ids", (_w, id) => wholeList(`/v1/customers/${id}/tax_ids`, [])],
  ["coupon.applies_to", () => ({ products: [] })],
  ["price.currency_options", () => ({})],
]);

/** The left-out member of an object, or undefined when there is no such member. */
export function includable(w: World, node: JsonObject, part: string): object | undefined {
  const kind = node["object"];
  const id = node["id"];
  if (!isJsonObject(node) || typeof kind !== "string" || typeof id !== "string") {
    return undefined;
  }
  return MAKERS.get(`${kind}.${part}`)?.(w, id, node);
}
