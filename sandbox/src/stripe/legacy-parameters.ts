import type { ParameterList } from "./parameter-names.ts";

/** Parameters that earlier API versions took and that requests without a current Stripe-Version still send. */
export const LEGACY_PARAMETERS: ReadonlyMap<ParameterList, readonly string[]> = new Map<
  ParameterList,
  readonly string[]
>([
  ["customerCreate", ["coupon", "promotion_code"]],
  ["customerUpdate", ["coupon", "promotion_code"]],
  ["subscriptionCreate", ["coupon", "promotion_code", "plan", "quantity"]],
  ["subscriptionUpdate", ["coupon", "promotion_code", "plan", "quantity", "prorate"]],
  ["promotionCodeCreate", ["coupon"]],
  ["paymentIntentCreate", ["payment_method_types", "source"]],
  ["paymentIntentUpdate", ["payment_method_types"]],
  ["paymentIntentConfirm", ["payment_method_types"]],
  ["setupIntentCreate", ["payment_method_types"]],
  ["checkoutSessionCreate", ["payment_method_types", "subscription_data"]],
  ["chargeCreate", ["source"]],
  ["invoiceItemCreate", ["price", "unit_amount"]],
  ["invoiceCreate", ["coupon"]],
]);
