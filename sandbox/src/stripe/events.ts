import type { EventType } from "./shapes.ts";
import { newId, nowOf, type StoredEvent, type World } from "./world.ts";

/** Records an event about the object as it is now and tells the listeners (webhook delivery). */
export function emit(
  w: World,
  type: EventType,
  object: object,
  clockId: string | null = null,
): StoredEvent {
  return record(w, type, object, { previous: undefined, clockId });
}

/** Records an event with `previous_attributes`; nothing happens when the versions do not differ. */
export function emitChange(w: World, type: EventType, change: Change): StoredEvent | undefined {
  const previous = changed(change.before, change.after);
  return Object.keys(previous).length === 0
    ? undefined
    : record(w, type, change.after, { previous, clockId: change.clockId ?? null });
}

export interface Change {
  readonly before: object;
  readonly after: object;
  readonly clockId?: string | null;
}

function record(
  w: World,
  type: EventType,
  object: object,
  how: { previous: Record<string, unknown> | undefined; clockId: string | null },
): StoredEvent {
  const now = nowOf(w, how.clockId);
  const event: StoredEvent = {
    id: newId(w, "evt"),
    type,
    created: now - (now % w.settings.tieSeconds),
    object,
    previous: how.previous,
    request: w.request,
  };
  w.events.set(event.id, event);
  w.emitted += 1;
  if (w.events.size > w.settings.keptEvents) {
    const oldest = w.events.keys().next();
    if (oldest.done !== true) {
      w.events.delete(oldest.value);
    }
  }
  for (const listener of w.listeners) {
    listener(event);
  }
  return event;
}

/**
 * The members of `before` that differ, as Stripe reports them: hashes only by their changed keys (null where a key is
 * new), everything else by its whole former value.
 */
function changed(before: object, after: object): Record<string, unknown> {
  const was = new Map<string, unknown>(Object.entries(before));
  const is = new Map<string, unknown>(Object.entries(after));
  const out: Record<string, unknown> = {};
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    const old = was.get(key);
    const current = is.get(key);
    if (old === current || same(old, current)) {
      continue;
    }
    out[key] = isHash(old) && isHash(current) ? changed(old, current) : (old ?? null);
  }
  return out;
}

function isHash(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
