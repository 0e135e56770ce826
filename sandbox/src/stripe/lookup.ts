import type { Tables, World } from "./world.ts";

const TABLE_OF = new Map<string, keyof Tables>([
  ["cus", "customers"],
  ["prod", "products"],
  ["price", "prices"],
  ["pm", "paymentMethods"],
  ["card", "cards"],
  ["seti", "setupIntents"],
  ["pi", "paymentIntents"],
  ["ch", "charges"],
  ["py", "charges"],
  ["re", "refunds"],
  ["pyr", "refunds"],
  ["du", "disputes"],
  ["promo", "promotionCodes"],
  ["di", "discounts"],
  ["txr", "taxRates"],
  ["in", "invoices"],
  ["ii", "invoiceItems"],
  ["inpay", "invoicePayments"],
  ["sub", "subscriptions"],
  ["we", "webhookEndpoints"],
  ["cs", "checkoutSessions"],
  ["bps", "portalSessions"],
  ["bpc", "portalConfigurations"],
  ["txn", "balanceTransactions"],
  ["po", "payouts"],
  ["clock", "testClocks"],
  ["cn", "creditNotes"],
]);

/** The object behind an id of any kind; coupons and catalogue objects may have ids of their owner's making. */
export function lookup(w: World, id: string): object | undefined {
  const table = TABLE_OF.get(id.slice(0, Math.max(0, id.indexOf("_"))));
  const found = table === undefined ? undefined : w.tables[table].get(id);
  return found ?? w.tables.coupons.get(id) ?? w.tables.products.get(id) ?? w.tables.prices.get(id);
}
