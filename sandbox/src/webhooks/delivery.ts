import type { Faults } from "#sandbox/faults.ts";
import type { WebhookEndpoint } from "#sandbox/stripe/shapes.ts";
import {
  API_VERSION,
  type DeliveryJob,
  type StoredEvent,
  type World,
} from "#sandbox/stripe/world.ts";

import { createLine } from "./line.ts";
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

export interface Delivery {
  readonly counts: Counts;
  attempts(): readonly Attempt[];
  /** Sends an event again now, to one endpoint or to all that want it. */
  resend(event: StoredEvent, endpointId: string | undefined): void;
  /** Looks again whether something waiting may leave (after faults changed). */
  kick(): void;
  /** Resolves when nothing is queued or under way (deliveries waiting for a retry do not count). */
  idle(): Promise<void>;
  /** What still has to be sent now, under way included: whoever takes it over may send it twice, as Stripe may. */
  pending(): readonly DeliveryJob[];
  /** Takes over what another sandbox had pending. */
  take(jobs: readonly DeliveryJob[]): void;
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
  const line = createLine(w.random);
  const attempts: Attempt[] = [];
  const waiting: (() => void)[] = [];
  const poster = createPoster();
  const underWay = new Set<DeliveryJob>();
  const life = { stopped: false };

  const enqueue = (job: DeliveryJob): void => {
    counts.queued += 1;
    line.push(job);
  };
  const mayLeave = (): boolean =>
    !life.stopped && !faults.webhooks.outage && underWay.size < MAX_IN_FLIGHT;
  const pump = (): void => {
    while (mayLeave()) {
      const job = line.next();
      if (job === undefined) {
        break;
      }
      underWay.add(job);
      void run(job);
    }
    if (underWay.size === 0 && line.isEmpty()) {
      for (const resolve of waiting.splice(0)) {
        resolve();
      }
    }
  };
  const run = async (job: DeliveryJob): Promise<void> => {
    const endpoint = w.tables.webhookEndpoints.get(job.endpointId);
    const outcome =
      endpoint === undefined
        ? { status: null, error: "endpoint deleted" }
        : await send(options, poster, job.event, endpoint);
    underWay.delete(job);
    settle(job, outcome, endpoint !== undefined);
    pump();
  };
  const settle = (
    job: DeliveryJob,
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
      w.agenda.add(null, nextAt, {
        do: "deliver again",
        job: { ...job, attempt: job.attempt + 1 },
      });
    }
  };
  w.deliverAgain = (job) => {
    enqueue(job);
    setImmediate(pump);
  };
  w.listeners.push((event) => {
    for (const endpoint of w.tables.webhookEndpoints.values()) {
      if (wants(endpoint, event)) {
        for (let copy = copies(w, faults, counts); copy > 0; copy -= 1) {
          counts.queued += 1;
          line.hold({ event, endpointId: endpoint.id, attempt: 1, byHand: false });
        }
      }
    }
    line.release(faults.webhooks.shuffle);
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
        line.release(1);
      }
      pump();
    },
    idle: async () => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setImmediate(pump);
      });
    },
    pending: () => [...underWay, ...line.jobs()],
    take: (jobs) => {
      for (const job of jobs) {
        enqueue(job);
      }
      setImmediate(pump);
    },
    stop: () => {
      life.stopped = true;
      return poster.stop();
    },
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
