import { randomBytes } from "node:crypto";

/** An id that remembers its table, so a customer id cannot stand in for an invoice id. */
export type Id<Kind extends string> = string & { readonly __kind: Kind };

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: no i, l, o, u to misread at 3 am
const TIME_DIGITS = 10; // 50 bits of milliseconds: sorts correctly for 35,000 years

/** `<kind>_<10 digits of time><16 digits of randomness>`; sorts by creation, so B-tree inserts stay at the right edge. */
export function newId<Kind extends string>(kind: Kind, at: Date): Id<Kind> {
  let time = at.getTime();
  const digits: string[] = [];
  for (let index = 0; index < TIME_DIGITS; index += 1) {
    digits.unshift(ALPHABET.charAt(time % 32));
    time = Math.floor(time / 32);
  }
  const randomness = Array.from(randomBytes(16), (byte) => ALPHABET.charAt(byte % 32)).join("");
  return asId(kind, `${kind}_${digits.join("")}${randomness}`);
}

/** The one place a plain string becomes an id; everywhere else the compiler asks for this call. */
export function asId<Kind extends string>(kind: Kind, value: string): Id<Kind> {
  if (!value.startsWith(`${kind}_`)) {
    throw new TypeError(`Expected a ${kind} id, got ${value}.`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding is this function's job
  return value as Id<Kind>;
}
