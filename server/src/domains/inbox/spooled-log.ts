import { setTimeout as sleep } from "node:timers/promises";

import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import { folderDisk } from "#platform/spool/disk.ts";
import { damagedFiles, moveDamaged, orphanFolders, takeFolder } from "#platform/spool/folders.ts";
import { openSpool, type Spool, SpoolFull } from "#platform/spool/spool.ts";

import { afterFailure, afterSuccess, type Breaker, CLOSED, mayTry } from "./breaker.core.ts";
import type { Accepted, Appended, DurableLog } from "./durable-log.ts";
import { decodeAccepted, encodeAccepted } from "./spool-record.ts";

/** A flush that takes longer than this is not waited for: providers want their answer. */
const PATIENCE_MS = 1_000;
const DRAIN_EVERY_MS = 250;
const ADOPT_EVERY_MS = 30_000;
const DRAIN_BATCH = 500;

export interface SpooledLogOptions {
  readonly primary: DurableLog;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  readonly patienceMs?: number;
  /** Folder of all spools of this machine, to adopt those of dead processes; null adopts none. */
  readonly root: string | null;
  /** This process's own folder below it: keeps what is found damaged, also that of the adopted. */
  readonly home?: string;
}

export interface SpooledLog extends DurableLog {
  readonly spooled: () => number;
  readonly breaker: () => string;
  /** Files with bytes that were once safe and cannot be read any more; somebody has to look at them. */
  readonly damaged: () => number;
  /** Drains now, if the database lets it; resolves when the spool is empty or the database failed. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

interface State {
  readonly options: SpooledLogOptions;
  breaker: Breaker;
  draining: Promise<void> | null;
  stopped: boolean;
}

/**
 * Postgres first, the local disk when Postgres fails, is slow, or leaves it unknown whether it
 * committed. What was committed and spooled as well is found out by the ledger when it drains.
 */
export function spooledLog(options: SpooledLogOptions): SpooledLog {
  const state: State = { options, breaker: CLOSED, draining: null, stopped: false };
  const drain = (): Promise<void> => {
    state.draining ??= drainAll(state).finally(() => {
      state.draining = null;
    });
    return state.draining;
  };
  const timer = setInterval(() => {
    if (options.spool.depth() > 0) {
      void drain();
    }
  }, DRAIN_EVERY_MS);
  const adopter = setInterval(() => void adopt(state), ADOPT_EVERY_MS);
  void adopt(state);
  return {
    append: (batch) => append(state, batch),
    spooled: () => options.spool.depth(),
    breaker: () => state.breaker.kind,
    damaged: () => (options.home === undefined ? 0 : damagedFiles(options.home)),
    drain,
    stop: async () => {
      state.stopped = true;
      clearInterval(timer);
      clearInterval(adopter);
      await state.draining;
      await options.spool.close();
    },
  };
}

async function append(state: State, batch: readonly Accepted[]): Promise<readonly Appended[]> {
  const { clock, log, primary } = state.options;
  if (mayTry(state.breaker, clock.monotonicMs())) {
    try {
      const outcomes = await inTime(primary.append(batch), state.options.patienceMs ?? PATIENCE_MS);
      state.breaker = afterSuccess();
      return outcomes;
    } catch (error) {
      if (state.breaker.kind === "closed") {
        log.warn(
          { err: error, events: batch.length },
          "The database does not take events; they go to the local spool.",
        );
      }
      state.breaker = afterFailure(state.breaker, clock.monotonicMs());
    }
  }
  return toSpool(state, batch);
}

class TooSlow extends Error {}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = new AbortController();
  const patience = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new TooSlow(`No answer within ${String(ms)} ms.`);
  });
  // Whichever loses the race must not be an unhandled rejection.
  patience.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, patience]);
  } finally {
    late.abort();
  }
}

/** All to the spool; and if that has no room for all, then at least for those whose provider will not send them again. */
async function toSpool(state: State, batch: readonly Accepted[]): Promise<readonly Appended[]> {
  try {
    await state.options.spool.append(batch.map(encodeAccepted), false);
    return batch.map(() => "spooled");
  } catch (error) {
    const precious = batch.filter((event) => event.provider === "twilio");
    if (!(error instanceof SpoolFull) || precious.length === 0) {
      throw error;
    }
    await state.options.spool.append(precious.map(encodeAccepted), true);
    return batch.map((event) => (event.provider === "twilio" ? "spooled" : "turned away"));
  }
}

async function drainAll(state: State): Promise<void> {
  const { spool, clock, log } = state.options;
  if (!mayTry(state.breaker, clock.monotonicMs())) {
    return;
  }
  const depth = spool.depth();
  try {
    await spool.drain(async (payloads) => {
      if (state.stopped) {
        throw new Stopping();
      }
      await storeAgain(state, spool, payloads);
      state.breaker = afterSuccess();
    }, DRAIN_BATCH);
    if (depth > 0) {
      log.info({ events: depth }, "The spool is drained.");
    }
  } catch (error) {
    if (!(error instanceof Stopping)) {
      state.breaker = afterFailure(state.breaker, clock.monotonicMs());
      log.debug({ err: error, events: spool.depth() }, "The spool cannot be drained yet.");
    }
  }
}

class Stopping extends Error {}

/** A batch of the log holds no id twice; a spool may. What cannot be read is kept beside it, or stays where it is. */
async function storeAgain(state: State, spool: Spool, payloads: readonly Buffer[]): Promise<void> {
  const { log, primary } = state.options;
  let round: Accepted[] = [];
  for (const payload of payloads) {
    const event = readable(payload);
    if (event === null) {
      log.error({ bytes: payload.length }, "A spooled record cannot be read and is kept aside.");
      await spool.keepDamaged(payload);
    } else {
      round.push(event);
    }
  }
  while (round.length > 0) {
    const seen = new Set<string>();
    const now: Accepted[] = [];
    const later: Accepted[] = [];
    for (const event of round) {
      const key = `${String(event.endpointId)}:${event.externalId}`;
      (seen.has(key) ? later : now).push(event);
      seen.add(key);
    }
    await primary.append(now);
    round = later;
  }
}

function readable(payload: Buffer): Accepted | null {
  try {
    return decodeAccepted(payload);
  } catch {
    return null;
  }
}

/** Spools of processes that are no more: their events were acknowledged and are drained by whoever lives. */
async function adopt(state: State): Promise<void> {
  const { root, log, clock, home } = state.options;
  if (root === null) {
    return;
  }
  for (const name of orphanFolders(root)) {
    try {
      const folder = takeFolder(root, name, "adopt");
      try {
        const disk = await folderDisk(folder.path);
        const spool = await openSpool({
          disk,
          reserveBytes: 0,
          onIncident: (incident) => {
            log.error({ ...incident, folder: name }, "A spool is damaged.");
          },
        });
        log.warn(
          { folder: name, events: spool.depth() },
          "Adopting the spool of a process that is gone.",
        );
        await spool
          .drain((payloads) => storeAgain(state, spool, payloads), DRAIN_BATCH)
          .catch((error: unknown) => {
            state.breaker = afterFailure(state.breaker, clock.monotonicMs());
            log.debug({ err: error }, "The adopted spool cannot be drained yet.");
          });
        await spool.close();
        moveDamaged({ path: folder.path, name }, home ?? folder.path);
      } finally {
        folder.release();
      }
    } catch (error) {
      log.debug({ err: error, folder: name }, "A spool could not be adopted.");
    }
  }
}
