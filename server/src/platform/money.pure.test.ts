import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { addMoney, formatMoney, money, ratioOf } from "#platform/money.ts";

describe("money", () => {
  it("shows each currency with its own number of decimals", () => {
    expect(formatMoney(money(123_456, "USD"))).toBe("1,234.56 USD");
    expect(formatMoney(money(5, "usd"))).toBe("0.05 USD");
    expect(formatMoney(money(-1999, "eur"))).toBe("-19.99 EUR");
    expect(formatMoney(money(5000, "jpy"))).toBe("5,000 JPY");
    expect(formatMoney(money(1, "kwd"))).toBe("0.001 KWD");
  });

  it("refuses fractions of a cent and sums of two currencies", () => {
    expect(() => money(1.5, "usd")).toThrow(RangeError);
    expect(() => addMoney(money(1, "usd"), money(1, "eur"))).toThrow("Cannot add usd to eur");
  });

  it("rounds a ratio half away from zero, exactly, also beyond 2^53", () => {
    expect(ratioOf(100n, 1n, 12n)).toBe(8n);
    expect(ratioOf(6n, 1n, 12n)).toBe(1n);
    expect(ratioOf(-6n, 1n, 12n)).toBe(-1n);
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (minor) => {
        expect(ratioOf(minor, 7n, 7n)).toBe(minor);
        const twelfth = ratioOf(minor, 1n, 12n);
        const error = twelfth * 12n - minor;
        expect(error >= -6n && error <= 6n).toBe(true);
      }),
    );
  });
});
