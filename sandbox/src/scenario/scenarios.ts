import { setFaults, type Faults } from "#sandbox/faults.ts";
import { emitChange } from "#sandbox/stripe/events.ts";
import { patchSubscription } from "#sandbox/stripe/subscription-state.ts";
import { amend, type World } from "#sandbox/stripe/world.ts";

import { happen, subscribeSomeone, type Stage } from "./actions.ts";
import { makeCatalogue } from "./catalogue.ts";

export interface Scenarios {
  names(): readonly string[];
  running(): string | null;
  /** What runs, as `start` would be told; null when nothing does. */
  current(): { readonly name: string; readonly rate: number } | null;
  /** Starts one at so many events per second; throws a TypeError for an unknown name. */
  start(name: string, rate: number): void;
  stop(): void;
  /** The catalogue and so many customers who subscribed in the last weeks. */
  prepareDemo(customers: number): void;
  /** Makes that many events at once over so many customers, for load; gives how many. */
  emit(count: number, customers: number): number;
}

const DAY = 86_400;
/** Events that one beat may owe at most, so that a paused machine does not catch up in one burst. */
const MAX_CREDIT = 200;
const BEAT_MS = 200;

/** Each scenario: what it does to the faults while it runs; the traffic is the same. */
const MOODS = new Map<string, object>([
  ["busy-day", {}],
  ["bad-webhooks", { webhooks: { duplicates: 0.2, shuffle: 8, tieSeconds: 5 } }],
  ["lossy-day", { webhooks: { drop: 0.05, duplicates: 0.05 } }],
  ["rough-api", { api: { rateLimited: 0.1, failAfterWork: 0.05, slowMs: 150 } }],
]);

const CALM = {
  webhooks: { duplicates: 0, shuffle: 0, tieSeconds: 1, drop: 0 },
  api: { rateLimited: 0, failAfterWork: 0, slowMs: 0 },
};

/** Living traffic, seeded: the same seed and the same number of beats make the same history. */
export function createScenarios(stage: Stage & { readonly faults: Faults }): Scenarios {
  const { w } = stage;
  let timer: NodeJS.Timeout | undefined;
  let current: { readonly name: string; readonly rate: number } | null = null;
  let listener: (() => void) | undefined;
  const stop = (): void => {
    clearInterval(timer);
    if (listener !== undefined) {
      w.listeners.splice(w.listeners.indexOf(listener), 1);
      listener = undefined;
    }
    if (current !== null && current.name !== "busy-day") {
      setFaults(stage.faults, CALM);
    }
    w.settings.tieSeconds = Math.max(1, stage.faults.webhooks.tieSeconds);
    current = null;
  };
  return {
    names: () => [...MOODS.keys()],
    running: () => current?.name ?? null,
    current: () => current,
    start: (name, rate) => {
      const mood = MOODS.get(name);
      if (mood === undefined) {
        throw new TypeError(`no such scenario: ${name}; there are ${[...MOODS.keys()].join(", ")}`);
      }
      stop();
      setFaults(stage.faults, mood);
      w.settings.tieSeconds = Math.max(1, stage.faults.webhooks.tieSeconds);
      makeCatalogue(w, stage.api);
      current = { name, rate };
      let credit = 0;
      let heard = 0;
      listener = () => {
        heard += 1;
      };
      w.listeners.push(listener);
      timer = setInterval(() => {
        credit = Math.min(MAX_CREDIT, credit + (rate * BEAT_MS) / 1000);
        for (let guard = 0; credit > 0 && guard < MAX_CREDIT; guard += 1) {
          heard = 0;
          happen(stage);
          credit -= heard;
        }
      }, BEAT_MS);
    },
    stop,
    prepareDemo: (customers) => prepare(stage, customers),
    emit: (count, customers) => flood(stage, count, customers),
  };
}

/** Customers of the last four weeks: each subscribes at a moment of the past, so that periods are under way. */
function prepare(stage: Stage, customers: number): void {
  const { w } = stage;
  const now = Math.floor(w.clock.now() / 1000);
  const moments = Array.from(
    { length: customers },
    () => now - DAY - w.random.below(26 * DAY),
  ).toSorted((left, right) => left - right);
  try {
    w.moment = (moments[0] ?? now) - DAY;
    makeCatalogue(w, stage.api);
    for (const [at, moment] of moments.entries()) {
      w.moment = moment;
      subscribeSomeone(stage, at % 9 === 8 ? { trial_period_days: 30 } : {});
    }
  } finally {
    w.moment = undefined;
  }
}

/** Events of the kinds that come in floods, over few objects so that keys contend. */
function flood(stage: Stage, count: number, customers: number): number {
  const { w } = stage;
  const before = w.emitted;
  const made = (): number => w.emitted - before;
  const needed = Math.max(1, Math.min(customers, Math.ceil(count / 8)));
  while (w.tables.subscriptions.size < needed && made() < count) {
    subscribeSomeone(stage, {});
  }
  const ids = [...w.tables.subscriptions.keys()].slice(0, needed);
  for (let at = 0; made() < count; at += 1) {
    touch(w, ids[at % ids.length] ?? "", at);
  }
  return made();
}

function touch(w: World, id: string, step: number): void {
  const subscription = w.tables.subscriptions.get(id);
  if (step % 3 === 0) {
    const before = w.tables.customers.get(subscription?.customer ?? "");
    if (before !== undefined) {
      const after = amend(w.tables.customers, before, {
        metadata: { ...before.metadata, step: String(step) },
      });
      emitChange(w, "customer.updated", { before, after });
      return;
    }
  }
  patchSubscription(w, id, { metadata: { ...subscription?.metadata, step: String(step) } });
}
