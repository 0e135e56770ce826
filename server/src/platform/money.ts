/** An amount in the currency's smallest unit (cents, yen, fils) with its lowercase ISO 4217 code. */
export interface Money {
  readonly minor: number;
  readonly currency: string;
}

export function money(minor: number, currency: string): Money {
  if (!Number.isSafeInteger(minor)) {
    throw new RangeError(`An amount is a safe integer of minor units, got ${minor}.`);
  }
  return { minor, currency: currency.toLowerCase() };
}

/** Adding two currencies is a bug, never a conversion. */
export function addMoney(left: Money, right: Money): Money {
  if (left.currency !== right.currency) {
    throw new RangeError(`Cannot add ${left.currency} to ${right.currency}.`);
  }
  return money(left.minor + right.minor, left.currency);
}

/** Rounds half away from zero, once, with exact integer arithmetic: `amount * numerator / denominator`. */
export function ratioOf(minor: bigint, numerator: bigint, denominator: bigint): bigint {
  const product = minor * numerator;
  const magnitude = product < 0n ? -product : product;
  const rounded = (magnitude * 2n + denominator) / (denominator * 2n);
  return product < 0n ? -rounded : rounded;
}

const FRACTION_DIGITS = new Map<string, number>(); // Intl.NumberFormat construction costs about 20 microseconds

/** Minor-unit digits per ISO 4217 (usd 2, jpy 0, kwd 3). */
function fractionDigits(currency: string): number {
  const known = FRACTION_DIGITS.get(currency);
  if (known !== undefined) {
    return known;
  }
  const digits =
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
      .maximumFractionDigits ?? 2;
  FRACTION_DIGITS.set(currency, digits);
  return digits;
}

/** For display only: `12.50 USD`. Built from digits, so no binary fraction is ever involved. */
export function formatMoney(amount: Money): string {
  const digits = fractionDigits(amount.currency);
  const sign = amount.minor < 0 ? "-" : "";
  const text = String(Math.abs(amount.minor)).padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits === 0 ? "" : `.${text.slice(text.length - digits)}`;
  return `${sign}${whole}${fraction} ${amount.currency.toUpperCase()}`;
}
