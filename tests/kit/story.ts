import {
  chargeBody,
  customerBody,
  eventBody,
  invoiceBody,
  refundBody,
  subscriptionBody,
} from "../conformance/stripe-shapes.ts";
import { nowSeconds } from "./house.ts";

export interface Story {
  readonly customer: string;
  readonly subscription: string;
  readonly invoice: string;
  readonly charge: string;
  readonly refund: string;
  readonly price: string;
  readonly events: readonly object[];
}

/** One customer's life in events: introduced, subscribed, billed, paid, refunded, disputed. Every id and name holds `word`. */
export function storyOf(word: string, n: number): Story {
  const created = nowSeconds() - 86_400;
  const id = (kind: string): string => `${kind}_${word}${String(n)}`;
  const customer = id("cus");
  const subscription = id("sub");
  const invoice = id("in");
  const charge = id("ch");
  const price = id("price");
  let at = created;
  const event = (type: string, object: object): object =>
    eventBody({ id: id(`evt_${type.replaceAll(".", "_")}`), type, created: (at += 1), object });
  const events = [
    event("product.created", {
      id: id("prod"),
      object: "product",
      name: `Product of ${word}`,
      active: true,
      created,
      metadata: {},
    }),
    event("price.created", {
      id: price,
      object: "price",
      product: id("prod"),
      active: true,
      created,
      currency: "usd",
      unit_amount: 4900,
      recurring: { interval: "month", interval_count: 1, usage_type: "licensed" },
      nickname: `Monthly of ${word}`,
      lookup_key: null,
      metadata: { plan_tier: "pro" },
      type: "recurring",
    }),
    event(
      "customer.created",
      customerBody({
        id: customer,
        created,
        name: `${word} Company ${String(n)}`,
        email: `billing${String(n)}@${word.toLowerCase()}.example`,
      }),
    ),
    event(
      "customer.subscription.created",
      subscriptionBody("basil", { id: subscription, customer, status: "active", created, price }),
    ),
    event(
      "invoice.paid",
      invoiceBody("basil", {
        id: invoice,
        customer,
        subscription,
        status: "paid",
        created,
        paidAt: created + 60,
      }),
    ),
    event(
      "charge.succeeded",
      chargeBody({ id: charge, customer, created, status: "succeeded", amount: 4900 }),
    ),
    event("refund.created", refundBody({ id: id("re"), charge, created, amount: 100 })),
    event("charge.dispute.created", {
      id: id("dp"),
      object: "dispute",
      amount: 4900,
      charge,
      created,
      currency: "usd",
      reason: "fraudulent",
      status: "needs_response",
      evidence_details: { due_by: created + 864_000 },
      payment_intent: null,
    }),
  ];
  return { customer, subscription, invoice, charge, refund: id("re"), price, events };
}
