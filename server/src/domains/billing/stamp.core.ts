import type { Snapshot, Stamp } from "./model.ts";

/** What is known of an object so far, as far as order is concerned. */
export interface Standing {
  /** Sorts bytewise; see `watermarkOf`. */
  readonly watermark: string;
  /** The provider's time of the newest fetch that was applied, 0 where there was none. */
  readonly fetchedThrough: number;
}

/**
 * The law of one kind of object: which states absorb, how far along a state is, and whether being
 * further along proves being later.
 */
export interface Law<S extends Snapshot> {
  readonly isTerminal: (snapshot: S) => boolean;
  /** 0 to 99. */
  readonly rank: (snapshot: S) => number;
  /** Whether two different ranks within one second prove an order (an invoice never goes from paid to open). */
  readonly ranksProve: (left: S, right: S) => boolean;
  /** The value of the provider's field, for the fields whose previous values order a tie for the moment; undefined for a field that we do not keep. */
  readonly fieldOf: (snapshot: S, providerField: string) => unknown;
}

export type Verdict =
  /** Becomes the row. */
  | "newer"
  /** Changes nothing: the row is later, or says the same already. */
  | "older"
  /** Is the very event that made the row. */
  | "same";

export interface Place {
  readonly verdict: Verdict;
  readonly watermark: string;
  /** Two contents of one moment, and no law puts them in order: ask the provider. */
  readonly unsettled: boolean;
}

const FETCHED = 9;

/**
 * A string whose bytewise order is the order of snapshots: terminal states absorb, then the
 * provider's second, then the place of the event's type, the rank of the state, the place in a
 * chain of ties, and last the event's id, so that any two snapshots have one order everywhere.
 */
export function watermarkOf(stamp: Stamp, terminal: boolean, rank: number, link = 0): string {
  return (
    (terminal ? "1" : "0") +
    String(stamp.atSeconds).padStart(11, "0") +
    String(stamp.typeRank) +
    String(rank).padStart(2, "0") +
    String(Math.min(link, 99)).padStart(2, "0") +
    stamp.eventId
  );
}

export function secondsOf(watermark: string): number {
  return Number(watermark.slice(1, 12));
}
/** Whether the provider's answer made it, and not an event. */
export function isFetched(watermark: string): boolean {
  return typeRankOf(watermark) === FETCHED;
}
function typeRankOf(watermark: string): number {
  return Number(watermark.slice(12, 13));
}
function linkOf(watermark: string): number {
  return Number(watermark.slice(15, 17));
}
export function eventIdOf(watermark: string): string {
  return watermark.slice(17);
}

/**
 * Where a snapshot stands against what is known.
 *
 * Nothing here looks at the order of arrival, but for one case: within a second, two changes
 * that no law puts in order. Then what they say they changed from, or else the event's id, decides for
 * the moment and `unsettled` asks for a fetch, whose answer outranks both.
 */
export function place<S extends Snapshot>(
  law: Law<S>,
  current: (Standing & { readonly snapshot: () => S; readonly text: string }) | null,
  incoming: { readonly stamp: Stamp; readonly snapshot: S; readonly text: string },
): Place {
  const { stamp, snapshot } = incoming;
  const terminal = law.isTerminal(snapshot);
  // Of two answers within a second the later is right, however far along the states are.
  const rank = stamp.typeRank === FETCHED ? 0 : law.rank(snapshot);
  const watermark = watermarkOf(stamp, terminal, rank);
  if (current === null || current.watermark === "") {
    return { verdict: "newer", watermark, unsettled: false };
  }
  if (eventIdOf(current.watermark) === stamp.eventId) {
    return { verdict: "same", watermark: current.watermark, unsettled: false };
  }
  const byKey: Verdict = watermark > current.watermark ? "newer" : "older";
  if (terminal !== (current.watermark.charCodeAt(0) === 49)) {
    return { verdict: byKey, watermark, unsettled: false };
  }
  const at = secondsOf(current.watermark);
  if (stamp.atSeconds < at) {
    return { verdict: "older", watermark, unsettled: false };
  }
  if (stamp.fetchedAtSeconds !== null && stamp.fetchedAtSeconds < current.fetchedThrough) {
    // Two questions at once, and this answer is the older one.
    return { verdict: "older", watermark, unsettled: false };
  }
  if (stamp.typeRank !== FETCHED && stamp.atSeconds <= current.fetchedThrough) {
    return againstFetch(current, incoming, watermark);
  }
  if (stamp.atSeconds > at || saysTheSame(current, incoming)) {
    return { verdict: byKey, watermark, unsettled: false };
  }
  return settleTie(law, current, incoming, { watermark, byKey });
}

/** A fetch shows the object as it was when the provider answered; an event from before that is in it, one of that very second may be. */
function againstFetch<S extends Snapshot>(
  current: Standing & { readonly snapshot: () => S; readonly text: string },
  incoming: { readonly stamp: Stamp; readonly snapshot: S; readonly text: string },
  watermark: string,
): Place {
  const covered =
    saysTheSame(current, incoming) ||
    (incoming.stamp.atSeconds <= secondsOf(current.watermark) &&
      incoming.stamp.atSeconds < current.fetchedThrough);
  // The provider's clock in an answer's header and the clock of its events may differ (test clocks),
  // so an event that the fetch should hold but that says something else is asked about, not believed or dropped.
  return { verdict: "older", watermark, unsettled: !covered };
}

function saysTheSame<S extends Snapshot>(
  current: { readonly snapshot: () => S; readonly text: string },
  incoming: { readonly snapshot: S; readonly text: string },
): boolean {
  const held = current.text === "" ? JSON.stringify(current.snapshot()) : current.text;
  return held === textOf(incoming);
}

/** A snapshot as JSON. Written only when it is asked for: most snapshots of a batch are overtaken by another of their object. */
export function textOf(held: {
  readonly snapshot: Snapshot | null;
  readonly text: string;
}): string {
  return held.text === "" ? JSON.stringify(held.snapshot) : held.text;
}

function settleTie<S extends Snapshot>(
  law: Law<S>,
  current: Standing & { readonly snapshot: () => S },
  incoming: { readonly stamp: Stamp; readonly snapshot: S },
  found: { readonly watermark: string; readonly byKey: Verdict },
): Place {
  const { stamp, snapshot } = incoming;
  const before = current.snapshot();
  const typesDiffer = typeRankOf(current.watermark) !== stamp.typeRank;
  if (
    typesDiffer ||
    stamp.typeRank === FETCHED ||
    (law.rank(before) !== law.rank(snapshot) && law.ranksProve(before, snapshot))
  ) {
    return { verdict: found.byKey, watermark: found.watermark, unsettled: false };
  }
  if (follows(law, before, stamp.previous)) {
    const link = linkOf(current.watermark) + 1;
    return {
      verdict: "newer",
      watermark: watermarkOf(stamp, law.isTerminal(snapshot), rankIn(current.watermark), link),
      unsettled: true,
    };
  }
  return { verdict: found.byKey, watermark: found.watermark, unsettled: true };
}

function rankIn(watermark: string): number {
  return Number(watermark.slice(13, 15));
}

/**
 * Whether the event's previous values are what we hold: then it may be the next change after it. At least
 * one must be of a field that we keep. A guess, good until the provider answers: after A, B, A within a
 * second, B follows the last A just as well as the first.
 */
function follows<S extends Snapshot>(
  law: Law<S>,
  before: S,
  previous: Readonly<Record<string, unknown>> | null,
): boolean {
  if (previous === null) {
    return false;
  }
  let known = 0;
  for (const field of Object.keys(previous)) {
    const value = law.fieldOf(before, field);
    if (value !== undefined) {
      if (value !== previous[field]) {
        return false;
      }
      known += 1;
    }
  }
  return known > 0;
}
