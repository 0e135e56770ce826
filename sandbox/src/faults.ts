/** Faults on demand. Rates are probabilities from 0 to 1 drawn from the sandbox's seeded randomness. */
export interface ApiFaults {
  /** Connections are cut without an answer. */
  outage: boolean;
  /** 503 to everything. */
  unavailable: boolean;
  /** Rate of 429 answers. */
  rateLimited: number;
  /** Seconds in Retry-After of those. */
  retryAfter: number;
  /** Delay before every answer, in real milliseconds. */
  slowMs: number;
  /** Rate of 500 answers after the work has been done. */
  failAfterWork: number;
  /** Rate of connections cut after the work has been done. */
  hangUpAfterWork: number;
}

export interface WebhookFaults {
  /** Nothing is delivered; what is due waits until this ends. */
  outage: boolean;
  /** Rate of events delivered twice. */
  duplicates: number;
  /** Events are held back until so many are there and leave in random order; 0 or 1 keeps the order. */
  shuffle: number;
  /** Rate of events that are never delivered. */
  drop: number;
  /** Each event is delivered so many times more, at once. */
  storm: number;
  /** Signed with a secret nobody knows. */
  wrongSecret: boolean;
  /** The signature's time lies so many seconds back. */
  staleSeconds: number;
  /** Payloads claim an API version that does not exist. */
  badApiVersion: boolean;
  /** Payloads are cut short after they were signed. */
  truncate: boolean;
  /** Event times are rounded down to this many seconds, which makes ties; 1 is Stripe's. */
  tieSeconds: number;
}

export interface Faults {
  api: ApiFaults;
  webhooks: WebhookFaults;
}

/** A sandbox on a good day. */
export function noFaults(): Faults {
  return {
    api: {
      outage: false,
      unavailable: false,
      rateLimited: 0,
      retryAfter: 1,
      slowMs: 0,
      failAfterWork: 0,
      hangUpAfterWork: 0,
    },
    webhooks: {
      outage: false,
      duplicates: 0,
      shuffle: 0,
      drop: 0,
      storm: 0,
      wrongSecret: false,
      staleSeconds: 0,
      badApiVersion: false,
      truncate: false,
      tieSeconds: 1,
    },
  };
}

/** Lays the members of `patch` over `faults`; throws a TypeError naming the first that does not belong or fit. */
export function setFaults(faults: Faults, patch: object): void {
  for (const [group, members] of Object.entries(patch)) {
    if (group !== "api" && group !== "webhooks") {
      throw new TypeError(`unknown group of faults: ${group}`);
    }
    const target = faults[group];
    if (typeof members !== "object" || members === null) {
      throw new TypeError(`${group} must be an object`);
    }
    for (const [name, value] of Object.entries(members)) {
      const current = Object.entries(target).find(([key]) => key === name)?.[1];
      if (
        current === undefined ||
        typeof value !== typeof current ||
        (typeof value === "number" && !(value >= 0))
      ) {
        throw new TypeError(`no such fault, or not a fitting value: ${group}.${name}`);
      }
      Object.assign(target, { [name]: value });
    }
  }
}
