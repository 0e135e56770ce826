import { randomFillSync } from "node:crypto";

/** An id that remembers its table, so a customer id cannot stand in for an invoice id. */
export type Id<Kind extends string> = string & { readonly __kind: Kind };

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: no i, l, o, u to misread at 3 am
const TIME_DIGITS = 10; // 50 bits of milliseconds: sorts correctly for 35,000 years

const RANDOM_DIGITS = 16;
/** Drawn for 512 ids at once: one call to the system's generator costs more than all the rest of an id. */
const pool = new Uint8Array(512 * RANDOM_DIGITS);
let drawn = pool.length;

/** `<kind>_<10 digits of time><16 digits of randomness>`; sorts by creation, so B-tree inserts stay at the right edge. */
export function newId<Kind extends string>(kind: Kind, at: Date): Id<Kind> {
  let time = at.getTime();
  let digits = "";
  for (let index = 0; index < TIME_DIGITS; index += 1) {
    digits = ALPHABET.charAt(time % 32) + digits;
    time = Math.floor(time / 32);
  }
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  for (const end = drawn + RANDOM_DIGITS; drawn < end; drawn += 1) {
    digits += ALPHABET.charAt((pool[drawn] ?? 0) % 32);
  }
  return asId(kind, `${kind}_${digits}`);
}

/** The one place a plain string becomes an id; everywhere else the compiler asks for this call. */
export function asId<Kind extends string>(kind: Kind, value: string): Id<Kind> {
  if (!value.startsWith(`${kind}_`)) {
    throw new TypeError(`Expected a ${kind} id, got ${value}.`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding is this function's job
  return value as Id<Kind>;
}
