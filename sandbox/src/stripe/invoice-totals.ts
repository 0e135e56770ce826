import type { Coupon, Discount, Invoice, InvoiceLine } from "./shapes.ts";
import type { World } from "./world.ts";

/** The sums of an invoice; amounts in minor units. */
export interface Totals {
  readonly subtotal: number;
  readonly total: number;
  readonly startingBalance: number;
  readonly amountDue: number;
  readonly discounts: Invoice["total_discount_amounts"];
  readonly lines: readonly InvoiceLine[];
}

/** What applies at `now`: the subscription's discounts, else the customer's. */
export function activeDiscounts(
  w: World,
  customerId: string,
  ids: readonly string[],
  now: number,
): readonly Discount[] {
  const own = ids
    .map((id) => w.tables.discounts.get(id))
    .filter((discount) => discount !== undefined);
  const general = w.tables.customers.get(customerId)?.discount ?? undefined;
  const candidates = own.length > 0 || general === undefined ? own : [general];
  return candidates.filter((discount) => discount.end === null || discount.end > now);
}

/** Adds lines up: discounts one after the other on what is left, then the customer's balance. */
export function totalsOf(
  w: World,
  lines: readonly InvoiceLine[],
  discounts: readonly Discount[],
  balance: number,
): Totals {
  const subtotal = lines.reduce((sum, line) => sum + line.amount, 0);
  let shown = [...lines];
  const amounts: { amount: number; discount: string }[] = [];
  for (const discount of discounts) {
    const coupon = w.tables.coupons.get(discount.source.coupon ?? "");
    const spread = spreadDiscount(coupon, shown);
    const amount = spread.reduce((sum, part) => sum + part, 0);
    amounts.push({ amount, discount: discount.id });
    shown = shown.map((line, at) => {
      const part = spread[at] ?? 0;
      return part === 0
        ? line
        : {
            ...line,
            discount_amounts: [
              ...(line.discount_amounts ?? []),
              { amount: part, discount: discount.id },
            ],
          };
    });
  }
  const total = subtotal - amounts.reduce((sum, one) => sum + one.amount, 0);
  return {
    subtotal,
    total,
    startingBalance: balance,
    amountDue: Math.max(0, total + balance),
    discounts: amounts,
    lines: shown,
  };
}

/** A discount's part of each line: percentages rounded line by line, fixed amounts by the lines' order. */
function spreadDiscount(
  coupon: Coupon | undefined,
  lines: readonly InvoiceLine[],
): readonly number[] {
  const left = lines.map((line) => {
    const already = (line.discount_amounts ?? []).reduce((sum, one) => sum + one.amount, 0);
    return line.discountable ? Math.max(0, line.amount - already) : 0;
  });
  if (coupon?.percent_off !== null && coupon?.percent_off !== undefined) {
    const share = coupon.percent_off / 100;
    return left.map((amount) => Math.round(amount * share));
  }
  let rest = coupon?.amount_off ?? 0;
  return left.map((amount) => {
    const part = Math.min(rest, amount);
    rest -= part;
    return part;
  });
}
