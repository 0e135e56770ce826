import type { Route } from "#sandbox/http/call.ts";
import type { Delivery } from "#sandbox/webhooks/delivery.ts";

import { balanceRoutes } from "./balance.ts";
import { chargeRoutes } from "./charges.ts";
import { checkoutRoutes } from "./checkout.ts";
import { couponRoutes } from "./coupons.ts";
import { customerEndRoutes } from "./customer-end.ts";
import { customerRoutes } from "./customers.ts";
import { disputeRoutes } from "./disputes.ts";
import { eventRoutes } from "./events-api.ts";
import { invoiceItemRoutes } from "./invoice-items.ts";
import { invoiceRoutes } from "./invoice-routes.ts";
import { paymentIntentRoutes } from "./payment-intents.ts";
import { paymentMethodRoutes } from "./payment-methods.ts";
import { portalRoutes } from "./portal.ts";
import { previewRoutes } from "./preview.ts";
import { priceRoutes } from "./prices.ts";
import { productRoutes } from "./products.ts";
import { refundRoutes } from "./refunds.ts";
import { setupIntentRoutes } from "./setup-intents.ts";
import { subscriptionItemRoutes } from "./subscription-item-routes.ts";
import { subscriptionRoutes } from "./subscriptions.ts";
import { testClockRoutes } from "./test-clocks.ts";
import { webhookEndpointRoutes } from "./webhook-endpoints.ts";

/** Every request the Stripe simulator answers. */
export function stripeRoutes(delivery: Delivery): readonly Route[] {
  return [
    ...productRoutes,
    ...priceRoutes,
    ...customerRoutes,
    ...paymentMethodRoutes,
    ...setupIntentRoutes,
    ...paymentIntentRoutes,
    ...chargeRoutes,
    ...refundRoutes,
    ...disputeRoutes,
    ...couponRoutes,
    ...balanceRoutes,
    ...checkoutRoutes,
    ...customerEndRoutes,
    ...invoiceRoutes,
    ...invoiceItemRoutes,
    ...portalRoutes,
    ...previewRoutes,
    ...subscriptionRoutes,
    ...subscriptionItemRoutes,
    ...testClockRoutes,
    ...webhookEndpointRoutes,
    ...eventRoutes(delivery),
  ];
}
