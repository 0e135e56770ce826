import type { Idempotency } from "#sandbox/http/idempotency.ts";
import type { World } from "#sandbox/stripe/world.ts";
import type { Delivery } from "#sandbox/webhooks/delivery.ts";

import { type Entries, FORMAT, type Image, VERSION } from "./image.ts";

/** The latest events that survive a stop; older ones can no longer be sent again. */
const EVENTS_KEPT = 20_000;

export interface Parts {
  readonly w: World;
  readonly delivery: Delivery;
  readonly idempotency: Idempotency;
}

export interface Rest {
  readonly seed: number;
  readonly clean: boolean;
  readonly scenario: Image["scenario"];
  readonly ownEndpoint: string | null;
}

/**
 * The world as it is at this instant. Only lists are copied: objects and events are never changed in place, so the image
 * stays true while it is being written and the world goes on.
 */
export function takeImage({ w, delivery, idempotency }: Parts, rest: Rest): Image {
  return {
    format: FORMAT,
    version: VERSION,
    ...rest,
    moment: { now: w.clock.now(), wall: w.clock.wall() },
    random: w.random.state(),
    emitted: w.emitted,
    settings: { ...w.settings },
    tables: groupsOf(w.tables),
    secrets: groupsOf(w.secrets),
    events: [...w.events.values()].slice(-EVENTS_KEPT),
    agenda: w.agenda.tasks(),
    pending: delivery.pending(),
    idempotency: idempotency.entries(),
    end: true,
  };
}

/** Something that differs whenever the world has moved on: every object, event and delivery leaves its trace in these. */
export function markOf({ w, delivery, idempotency }: Parts, scenario: string | null): string {
  const { counts } = delivery;
  return [
    w.random.state(),
    w.emitted,
    w.agenda.size(),
    counts.queued,
    counts.attempted,
    idempotency.entries().length,
    w.clock.now() - w.clock.wall(),
    scenario,
  ].join(" ");
}

/** Puts an image into a world in which nothing has happened yet; time goes on from there (see `Clock.resume`). */
export function restoreImage({ w, delivery, idempotency }: Parts, image: Image): void {
  w.clock.resume(image.moment);
  // After a crash ids were given out that the file does not know: going on at the same place would give them again.
  w.random.resume(image.clean ? image.random : image.random ^ (w.clock.wall() >>> 0));
  w.emitted = image.emitted;
  Object.assign(w.settings, image.settings, { tieSeconds: 1 });
  fill(w.tables, image.tables);
  fill(w.secrets, image.secrets);
  for (const event of image.events) {
    w.events.set(event.id, event);
  }
  for (const task of image.agenda) {
    w.agenda.add(task.clockId, task.at, task.duty);
  }
  idempotency.restore(image.idempotency);
  delivery.take(image.pending);
}

function groupsOf(maps: object): Record<string, Entries> {
  const out: Record<string, Entries> = {};
  for (const [name, map] of mapsOf(maps)) {
    out[name] = [...map];
  }
  return out;
}

function fill(maps: object, groups: Image["tables"]): void {
  for (const [name, map] of mapsOf(maps)) {
    for (const [key, value] of groups[name] ?? []) {
      map.set(key, value);
    }
  }
}

function mapsOf(maps: object): (readonly [string, Map<string, unknown>])[] {
  return Object.entries(maps).flatMap(([name, map]) => (map instanceof Map ? [[name, map]] : []));
}
