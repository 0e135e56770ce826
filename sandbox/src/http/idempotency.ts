import { StripeFailure } from "./failure.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Kept {
  readonly fingerprint: string;
  readonly requestId: string;
  answer: Answer | undefined;
}

/** Stripe forgets keys after 24 hours; here the latest ones are kept. */
const MAX_KEYS = 20_000;

export interface Idempotency {
  /**
   * What to do with a key: undefined means do the work; an answer means it was done (the same again); throws
   * idempotency_error for other parameters and 409 while the first request is under way.
   */
  begin(
    key: string,
    fingerprint: string,
    requestId: string,
  ): (Answer & { readonly originalRequest: string }) | undefined;
  finish(key: string, answer: Answer): void;
  /** A request that never began its work leaves the key free. */
  forget(key: string): void;
  /** The keys whose work is done. */
  entries(): readonly (readonly [string, Kept])[];
  restore(entries: readonly (readonly [string, Kept])[]): void;
}

export function createIdempotency(): Idempotency {
  const kept = new Map<string, Kept>();
  return {
    begin: (key, fingerprint, requestId) => {
      const known = kept.get(key);
      if (known === undefined) {
        kept.set(key, { fingerprint, requestId, answer: undefined });
        trim(kept);
        return undefined;
      }
      if (known.fingerprint !== fingerprint) {
        throw new StripeFailure({
          status: 400,
          type: "idempotency_error",
          message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        });
      }
      if (known.answer === undefined) {
        throw new StripeFailure({
          status: 409,
          type: "idempotency_error",
          code: "idempotency_key_in_use",
          message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
        });
      }
      return { ...known.answer, originalRequest: known.requestId };
    },
    finish: (key, answer) => {
      const known = kept.get(key);
      if (known !== undefined) {
        known.answer = answer;
      }
    },
    forget: (key) => {
      kept.delete(key);
    },
    entries: () => [...kept].filter(([, known]) => known.answer !== undefined),
    restore: (entries) => {
      for (const [key, known] of entries) {
        kept.set(key, known);
      }
    },
  };
}

function trim(kept: Map<string, Kept>): void {
  if (kept.size > MAX_KEYS) {
    const oldest = kept.keys().next();
    if (oldest.done !== true) {
      kept.delete(oldest.value);
    }
  }
}
