import type { Faults } from "#sandbox/faults.ts";
import type { WebhookEndpoint } from "#sandbox/stripe/shapes.ts";
import { API_VERSION, type StoredEvent, type World } from "#sandbox/stripe/world.ts";

import { eventBody } from "./payload.ts";
import { createPoster } from "./post.ts";
import { retryPause } from "./schedule.ts";
import { stripeSignature } from "./signature.ts";

/** One attempt at one delivery. */
export interface Attempt {
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string;
  readonly attempt: number;
  /** Simulated time, seconds. */
  readonly at: number;
  /** HTTP status, or null when no answer came. */
  readonly status: number | null;
  readonly error: string | null;
  /** When it is tried again (simulated time, seconds); null when it succeeded or Stripe gives up. */
  readonly nextAt: number | null;
}

export interface Counts {
  queued: number;
  attempted: number;
  succeeded: number;
  failed: number;
  dropped: number;
  gaveUp: number;
}

interface Job {
  readonly event: StoredEvent;
  readonly endpointId: string;
  readonly attempt: number;
  /** Sent whatever the faults say: a resend asked for by hand. */
  readonly byHand: boolean;
}

export interface Delivery {
  readonly counts: Counts;
  attempts(): readonly Attempt[];
  /** Sends an event again now, to one endpoint or to all that want it. */
  resend(event: StoredEvent, endpointId: string | undefined): void;
  /** Looks again whether something waiting may leave (after faults changed). */
  kick(): void;
  /** Resolves when nothing is queued or under way (deliveries waiting for a retry do not count). */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

const MAX_IN_FLIGHT = 32;
const KEPT_ATTEMPTS = 5_000;
const OK_FROM = 200;
const OK_BELOW = 300;

export interface DeliveryOptions {
  readonly w: World;
  readonly faults: Faults;
  readonly pace: number;
}

/** Delivers events to the registered endpoints as Stripe does: signed, in order of creation, retried for three days. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { w, faults } = options;
  const counts: Counts = {
    queued: 0,
    attempted: 0,
    succeeded: 0,
    failed: 0,
    dropped: 0,
    gaveUp: 0,
  };
  const queue: Job[] = [];
  const held: Job[] = [];
  const attempts: Attempt[] = [];
  const waiting: (() => void)[] = [];
  const poster = createPoster();
  let inFlight = 0;
  let head = 0;

  const enqueue = (job: Job): void => {
    counts.queued += 1;
    queue.push(job);
  };
  const pump = (): void => {
    while (inFlight < MAX_IN_FLIGHT && head < queue.length && !faults.webhooks.outage) {
      const job = queue[head];
      head += 1;
      if (job !== undefined) {
        inFlight += 1;
        void run(job);
      }
    }
    if (head > 1_000 && head * 2 > queue.length) {
      queue.splice(0, head);
      head = 0;
    }
    if (inFlight === 0 && head >= queue.length) {
      for (const resolve of waiting.splice(0)) {
        resolve();
      }
    }
  };
  const release = (): void => {
    while (held.length > 0 && held.length >= Math.max(1, faults.webhooks.shuffle)) {
      const batch = held.splice(0, Math.max(1, faults.webhooks.shuffle));
      while (batch.length > 0) {
        const [job] = batch.splice(w.random.below(batch.length), 1);
        if (job !== undefined) {
          enqueue(job);
        }
      }
    }
  };
  const run = async (job: Job): Promise<void> => {
    const endpoint = w.tables.webhookEndpoints.get(job.endpointId);
    const outcome =
      endpoint === undefined
        ? { status: null, error: "endpoint deleted" }
        : await send(options, poster, job.event, endpoint);
    inFlight -= 1;
    settle(job, outcome, endpoint !== undefined);
    pump();
  };
  const settle = (
    job: Job,
    outcome: { status: number | null; error: string | null },
    exists: boolean,
  ): void => {
    const now = Math.floor(w.clock.now() / 1000);
    const good = outcome.status !== null && outcome.status >= OK_FROM && outcome.status < OK_BELOW;
    const pause = good || !exists ? undefined : retryPause(job.attempt, options.pace);
    counts.attempted += 1;
    counts[good ? "succeeded" : "failed"] += 1;
    counts.gaveUp += good || pause !== undefined ? 0 : 1;
    const nextAt = pause === undefined ? null : now + pause;
    attempts.push({
      eventId: job.event.id,
      eventType: job.event.type,
      endpointId: job.endpointId,
      attempt: job.attempt,
      at: now,
      ...outcome,
      nextAt,
    });
    attempts.splice(0, Math.max(0, attempts.length - KEPT_ATTEMPTS));
    if (nextAt !== null) {
      w.agenda.add(null, nextAt, () => {
        enqueue({ ...job, attempt: job.attempt + 1 });
        pump();
      });
    }
  };
  w.listeners.push((event) => {
    for (const endpoint of w.tables.webhookEndpoints.values()) {
      if (wants(endpoint, event)) {
        for (let copy = copies(w, faults, counts); copy > 0; copy -= 1) {
          held.push({ event, endpointId: endpoint.id, attempt: 1, byHand: false });
        }
      }
    }
    release();
    // Not at once: the request that causes events is answered first, as at Stripe.
    setImmediate(pump);
  });
  return {
    counts,
    attempts: () => attempts,
    resend: (event, endpointId) => {
      for (const endpoint of w.tables.webhookEndpoints.values()) {
        if (endpointId === undefined ? wants(endpoint, event) : endpoint.id === endpointId) {
          enqueue({ event, endpointId: endpoint.id, attempt: 1, byHand: true });
        }
      }
      setImmediate(pump);
    },
    kick: () => {
      if (faults.webhooks.shuffle <= 1) {
        release();
      }
      pump();
    },
    idle: async () => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setImmediate(pump);
      });
    },
    stop: () => poster.stop(),
  };
}

function wants(endpoint: WebhookEndpoint, event: StoredEvent): boolean {
  return (
    endpoint.status === "enabled" &&
    (endpoint.enabled_events.includes("*") || endpoint.enabled_events.includes(event.type))
  );
}

function copies(w: World, faults: Faults, counts: Counts): number {
  const { drop, duplicates, storm } = faults.webhooks;
  if (drop > 0 && w.random.next() < drop) {
    counts.dropped += 1;
    return 0;
  }
  const twice = duplicates > 0 && w.random.next() < duplicates ? 1 : 0;
  return 1 + storm + twice;
}

async function send(
  options: DeliveryOptions,
  poster: ReturnType<typeof createPoster>,
  event: StoredEvent,
  endpoint: WebhookEndpoint,
): Promise<{ status: number | null; error: string | null }> {
  const { w, faults } = options;
  const version = endpoint.api_version ?? API_VERSION;
  const shown = eventBody(w, event, version);
  const body = JSON.stringify(
    faults.webhooks.badApiVersion ? { ...shown, api_version: "1970-01-01" } : shown,
    null,
    2,
  );
  const secret = faults.webhooks.wrongSecret
    ? "whsec_nobodyknowsthis"
    : (w.secrets.endpointSecrets.get(endpoint.id) ?? "");
  const t = Math.floor(w.clock.wall() / 1000) - faults.webhooks.staleSeconds;
  return await poster.post(
    endpoint.url,
    faults.webhooks.truncate ? body.slice(0, body.length >> 1) : body,
    {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-cache",
      accept: "*/*; q=0.5, application/xml",
      "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
      "stripe-signature": stripeSignature(body, secret, t),
    },
  );
}
