/** Seeded randomness: the same seed gives the same ids, names and choices. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** Letters and digits, as in a provider's ids. */
  token(length: number): string;
  /** Where the stream is; `resume` continues one from there. */
  state(): number;
  resume(state: number): void;
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A generator of its own stream; two with the same seed never disagree. */
export function createRandom(seed: number): Random {
  // mulberry32: 32 bits of state are plenty for test data and fast enough for floods of events.
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: ([first, ...rest]) => {
      const at = below(rest.length + 1);
      return at === 0 ? first : (rest[at - 1] ?? first);
    },
    token: (length) => {
      let out = "";
      for (let at = 0; at < length; at += 1) {
        out += ALPHABET.charAt(below(ALPHABET.length));
      }
      return out;
    },
    state: () => state,
    resume: (from) => {
      state = from >>> 0;
    },
  };
}
