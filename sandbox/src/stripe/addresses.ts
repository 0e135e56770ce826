import { nested, nullable, type Input } from "#sandbox/http/input.ts";

import type { Address } from "./shapes.ts";

const MEMBERS = ["city", "country", "line1", "line2", "postal_code", "state"] as const;

/** The `address` of a hash of parameters, or null. */
export function addressOf(input: Input): Address | null {
  const address = nested(input, "address");
  if (address === undefined) {
    return null;
  }
  const [city, country, line1, line2, postalCode, state] = MEMBERS.map(
    (key) => nullable(address, key) ?? null,
  );
  return {
    city: city ?? null,
    country: country ?? null,
    line1: line1 ?? null,
    line2: line2 ?? null,
    postal_code: postalCode ?? null,
    state: state ?? null,
  };
}

/** The `shipping` hash as customers, charges and intents carry it, or null. */
export function shippingOf(
  input: Input,
): { address: Address; name: string; phone: string | null } | null {
  const shipping = nested(input, "shipping");
  const address = shipping === undefined ? null : addressOf(shipping);
  if (shipping === undefined || address === null) {
    return null;
  }
  return {
    address,
    name: nullable(shipping, "name") ?? "",
    phone: nullable(shipping, "phone") ?? null,
  };
}
