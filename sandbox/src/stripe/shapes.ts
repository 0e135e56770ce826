import type Stripe from "stripe";

/**
 * A member as it is stored and sent: expandable members are only their ids, decimals are strings. Derived from the
 * SDK's own types, so that an object that lacks a member or has one too many does not compile.
 */
type Member<T> = [string] extends [T] ? Exclude<T, object> : Value<T>;
type Value<T> = T extends Stripe.Decimal
  ? string
  : T extends readonly (infer Item)[]
    ? Member<Item>[]
    : T extends object
      ? Wire<T>
      : T;
export type Wire<T> = { [Key in keyof T]: Member<T[Key]> };

export type Customer = Wire<Stripe.Customer>;
export type Product = Wire<Stripe.Product>;
export type Price = Wire<Stripe.Price>;
export type Plan = Wire<Stripe.Plan>;
export type PaymentMethod = Wire<Stripe.PaymentMethod>;
export type Card = Wire<Stripe.Card>;
export type SetupIntent = Wire<Stripe.SetupIntent>;
export type PaymentIntent = Wire<Stripe.PaymentIntent>;
export type Charge = Wire<Stripe.Charge>;
export type Refund = Wire<Stripe.Refund>;
export type Dispute = Wire<Stripe.Dispute>;
export type Coupon = Wire<Stripe.Coupon>;
export type PromotionCode = Wire<Stripe.PromotionCode>;
export type Discount = Wire<Stripe.Discount>;
export type TaxRate = Wire<Stripe.TaxRate>;
export type Invoice = Wire<Stripe.Invoice>;
export type InvoiceLine = Wire<Stripe.InvoiceLineItem>;
export type InvoiceItem = Wire<Stripe.InvoiceItem>;
export type InvoicePayment = Wire<Stripe.InvoicePayment>;
export type Subscription = Wire<Stripe.Subscription>;
export type SubscriptionItem = Wire<Stripe.SubscriptionItem>;
export type WebhookEndpoint = Wire<Stripe.WebhookEndpoint>;
export type CheckoutSession = Wire<Stripe.Checkout.Session>;
export type CheckoutLine = Wire<Stripe.LineItem>;
export type PortalSession = Wire<Stripe.BillingPortal.Session>;
export type PortalConfiguration = Wire<Stripe.BillingPortal.Configuration>;
export type Balance = Wire<Stripe.Balance>;
export type BalanceTransaction = Wire<Stripe.BalanceTransaction>;
export type Payout = Wire<Stripe.Payout>;
export type TestClock = Wire<Stripe.TestHelpers.TestClock>;
export type CreditNote = Wire<Stripe.CreditNote>;
export type EventType = Stripe.Event.Type;
export type Address = Wire<Stripe.Address>;
