import { formatMoney } from "./format.ts";

import "./small.css";

interface MoneyProps {
  /** Minor units (cents, yen). */
  readonly amountMinor: number | null | undefined;
  /** ISO 4217, any case. */
  readonly currency: string | null | undefined;
}

/** An amount in its own currency, always named: "$" alone belongs to twenty countries. */
export function Money({ amountMinor, currency }: MoneyProps) {
  if (amountMinor === null || amountMinor === undefined || !currency) {
    return <span className="dim">–</span>;
  }
  return (
    <span className="money">
      {formatMoney(amountMinor, currency)}
      <small>{currency.toUpperCase()}</small>
    </span>
  );
}
