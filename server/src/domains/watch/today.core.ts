import { type Figures, type LaneFigures, type Level, type State, laneName } from "./model.ts";

const SECOND_MS = 1_000;
const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/**
 * Age of the oldest event at which a lane is worth a look, and at which it burns. From the promises of
 * the inbox: compliance starts within a second and money within five, so a minute of either is wrong;
 * bulk may take its time.
 */
const LIMITS_S: Readonly<Record<number, { readonly warn: number; readonly fail: number }>> = {
  0: { warn: 5, fail: 60 },
  1: { warn: 60, fail: 10 * MINUTE_S },
  5: { warn: 5 * MINUTE_S, fail: HOUR_S },
  9: { warn: 6 * HOUR_S, fail: DAY_S },
};
const OTHER_LANE = { warn: 5 * MINUTE_S, fail: HOUR_S };
const WORKER_SILENT_MS = 30 * SECOND_MS;
/** The runbook's alert: webhook failure rate above 5 %. */
const FAILURE_RATE_ALERT = 0.05;
/** Payments fail every day; this share of at least ten is more than every day. */
const PAYMENT_RATE_ALERT = 0.3;
const PAYMENTS_ENOUGH = 10;

/** "1 event", "37 events", "1,204 events" */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** "3 seconds", "14 minutes", "2 hours", "5 days": the largest unit that is not nought, rounded down. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE_S) {
    return counted(whole, "second", "seconds");
  }
  if (whole < HOUR_S) {
    return counted(Math.floor(whole / MINUTE_S), "minute", "minutes");
  }
  if (whole < DAY_S) {
    return counted(Math.floor(whole / HOUR_S), "hour", "hours");
  }
  return counted(Math.floor(whole / DAY_S), "day", "days");
}

export function secondsSince(from: Date, now: Date): number {
  return Math.max(0, Math.floor((now.getTime() - from.getTime()) / SECOND_MS));
}

function waits(count: number): string {
  return `${counted(count, "event", "events")} ${count === 1 ? "waits" : "wait"}`;
}

/** "37 events wait, the oldest for 14 minutes" */
export function laneSentence(lane: LaneFigures, now: Date): string {
  const parked = lane.parked === 0 ? "" : `, ${lane.parked.toLocaleString("en-US")} set aside`;
  const paused = lane.pausedBy.length === 0 ? "" : ", paused";
  if (lane.waiting === 0 || lane.oldestReceivedAt === null) {
    return `Nothing waits${parked}${paused}`;
  }
  const age = span(secondsSince(lane.oldestReceivedAt, now));
  const oldest = lane.waiting === 1 ? `for ${age}` : `the oldest for ${age}`;
  return `${waits(lane.waiting)}${lane.waiting === 1 ? " " : ", "}${oldest}${parked}${paused}`;
}

export function laneLevel(lane: LaneFigures, now: Date): Level {
  if (lane.pausedBy.length > 0) {
    return "held";
  }
  if (lane.waiting === 0 || lane.oldestReceivedAt === null) {
    return "ok";
  }
  const limits = LIMITS_S[lane.lane] ?? OTHER_LANE;
  const age = secondsSince(lane.oldestReceivedAt, now);
  if (age >= limits.fail) {
    return "fail";
  }
  return age >= limits.warn ? "warn" : "ok";
}

/** Seconds until a lane is empty at the present rates; null where it is empty or grows. */
export function drainSeconds(lane: LaneFigures): number | null {
  const gain = lane.servedPerMinute - lane.arrivedPerMinute;
  if (lane.waiting === 0 || gain <= 0) {
    return null;
  }
  return Math.ceil((lane.waiting / gain) * MINUTE_S);
}

export function failureRate(failures: Figures["failures"]): number {
  const failed = failures.quarantined + failures.dead;
  return failures.finished === 0 ? 0 : failed / failures.finished;
}

function hurtWords(figures: Figures): string {
  const { customers } = figures.hurt;
  return customers === 0 ? "" : `; ${counted(customers, "customer is", "customers are")} concerned`;
}

function workerState(figures: Figures, now: Date): State | null {
  const waiting = figures.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const { lastWorkerAt } = figures.nodes;
  if (waiting === 0) {
    return null;
  }
  if (lastWorkerAt === null) {
    return { level: "fail", sentence: `No worker has run yet: ${waits(waiting)}.`, since: null };
  }
  if (now.getTime() - lastWorkerAt.getTime() < WORKER_SILENT_MS) {
    return null;
  }
  const silent = span(secondsSince(lastWorkerAt, now));
  return {
    level: "fail",
    sentence: `No worker has been heard of for ${silent}: ${waits(waiting)}${hurtWords(figures)}.`,
    since: lastWorkerAt,
  };
}

function spoolState(figures: Figures): State | null {
  const { spooled } = figures.nodes;
  return spooled === 0
    ? null
    : {
        level: "warn",
        sentence: `${counted(spooled, "event is", "events are")} kept on disk until the database takes them; nothing is lost.`,
        since: null,
      };
}

function damageState(figures: Figures): State | null {
  const { damaged } = figures.nodes;
  return damaged === 0
    ? null
    : {
        level: "fail",
        sentence: `${counted(damaged, "damaged file is", "damaged files are")} kept on an intake's disk: events that were acknowledged may be in ${damaged === 1 ? "it" : "them"}; ask the provider to send that time again.`,
        since: null,
      };
}

/** The lanes that burn, as one statement: the most urgent lane gives its name. */
function backlogState(figures: Figures, now: Date): State | null {
  const slow = figures.lanes
    .map((lane) => ({ lane, level: laneLevel(lane, now) }))
    .filter(({ level }) => level === "warn" || level === "fail")
    .toSorted(
      (left, right) => rank(right.level) - rank(left.level) || left.lane.lane - right.lane.lane,
    );
  const worst = slow[0];
  const since = worst?.lane.oldestReceivedAt ?? null;
  if (worst === undefined) {
    return null;
  }
  const drain = drainSeconds(worst.lane);
  const gone = drain === null ? "" : `, gone in about ${span(drain)}`;
  const sentence = `${laneSentence(worst.lane, now)} (${laneName(worst.lane.lane)})${gone}${hurtWords(figures)}.`;
  return { level: worst.level, sentence, since };
}

function failureState(figures: Figures): State | null {
  const { failures } = figures;
  const failed = failures.quarantined + failures.dead;
  if (failed === 0) {
    return null;
  }
  const rate = failureRate(failures);
  const share = `${(rate * 100).toFixed(rate < 0.1 ? 1 : 0)} %`;
  const kinds = [
    failures.quarantined === 0 ? "" : `${failures.quarantined} quarantined`,
    failures.dead === 0 ? "" : `${failures.dead} given up`,
  ].filter((word) => word !== "");
  const verb = failed === 1 ? "event has" : "events have";
  return {
    level: rate > FAILURE_RATE_ALERT ? "fail" : "warn",
    sentence: `${failed.toLocaleString("en-US")} ${verb} failed in ${span(failures.windowMinutes * MINUTE_S)} (${kinds.join(", ")}; ${share} of what was finished)${hurtWords(figures)}.`,
    since: failures.firstFailureAt,
  };
}

/** Where nothing above says it: events that wait behind a key in trouble make no lane old, yet somebody waits for each. */
function hurtState(figures: Figures, now: Date): State | null {
  const { customers, events, since } = figures.hurt;
  const isPaused = figures.lanes.some((lane) => lane.pausedBy.length > 0 && lane.waiting > 0);
  if ((customers === 0 && events === 0) || isPaused) {
    return null;
  }
  const parked = figures.lanes.reduce((sum, lane) => sum + lane.parked, 0);
  const aside = parked === 0 ? "" : `, ${parked.toLocaleString("en-US")} set aside`;
  const age =
    since === null
      ? ""
      : events === 1
        ? ` for ${span(secondsSince(since, now))}`
        : `, the oldest for ${span(secondsSince(since, now))}`;
  return {
    level: "warn",
    sentence: `${counted(events, "event has", "events have")} not been applied${age}${aside}${hurtWords(figures)}.`,
    since,
  };
}

/** Strangers knock now and then; a share like this is a provider whose secret we do not know, and its events are lost in three days. */
const REFUSED_ENOUGH = 5;
const REFUSED_SHARE_ALERT = 0.1;

function refusedState(figures: Figures): State | null {
  const { refusedSignatures: refused, received, windowMinutes } = figures.failures;
  if (refused < REFUSED_ENOUGH || refused / (refused + received) < REFUSED_SHARE_ALERT) {
    return null;
  }
  return {
    level: "warn",
    sentence: `${counted(refused, "webhook was", "webhooks were")} refused in ${span(windowMinutes * MINUTE_S)} because the signature does not match; if the secret was rolled, add the new one.`,
    since: null,
  };
}

function conflictState(figures: Figures): State | null {
  const { conflicts, windowMinutes, firstConflictAt } = figures.failures;
  return conflicts === 0
    ? null
    : {
        level: "warn",
        sentence: `${counted(conflicts, "event", "events")} came again in ${span(windowMinutes * MINUTE_S)} under a known id with other contents; the first counts.`,
        since: firstConflictAt,
      };
}

function paymentState(figures: Figures): State | null {
  const { paymentsPaid, paymentFailures, windowMinutes, firstPaymentFailureAt } = figures.failures;
  const all = paymentsPaid + paymentFailures;
  if (all < PAYMENTS_ENOUGH || paymentFailures / all < PAYMENT_RATE_ALERT) {
    return null;
  }
  return {
    level: "warn",
    sentence: `${paymentFailures.toLocaleString("en-US")} of ${counted(all, "payment", "payments")} failed in ${span(windowMinutes * MINUTE_S)}.`,
    since: firstPaymentFailureAt,
  };
}

function pausedState(figures: Figures, now: Date): State | null {
  const paused = figures.lanes.filter((lane) => lane.pausedBy.length > 0);
  const by = paused[0]?.pausedBy[0];
  if (by === undefined) {
    return null;
  }
  const waiting = paused.reduce((sum, lane) => sum + lane.waiting, 0);
  const names = paused.map((lane) => laneName(lane.lane)).join(" and ");
  return {
    level: "held",
    sentence: `${by.by} paused ${names} ${span(secondsSince(by.at, now))} ago; ${waits(waiting)}${hurtWords(figures)}.`,
    since: by.at,
  };
}

function jobsState(figures: Figures): State | null {
  const verb = figures.deadJobs === 1 ? "job was" : "jobs were";
  return figures.deadJobs === 0
    ? null
    : {
        level: "warn",
        sentence: `${figures.deadJobs} ${verb} given up; someone has to retry or drop them.`,
        since: null,
      };
}

function rank(level: Level): number {
  return { ok: 0, unknown: 1, held: 2, warn: 3, fail: 4 }[level];
}

/** "All is well: nothing waits, 1,204 events came in the last hour, the newest was applied 3 seconds ago." */
function wellState(figures: Figures, now: Date): State {
  const waiting = figures.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const open = waiting === 0 ? "nothing waits" : `${waits(waiting)}, none for long`;
  const { received, windowMinutes } = figures.failures;
  const came =
    received === 0
      ? `nothing came in the last ${span(windowMinutes * MINUTE_S).replace(/^1 /, "")}`
      : `${counted(received, "event", "events")} came in the last ${span(windowMinutes * MINUTE_S).replace(/^1 /, "")}`;
  const newest =
    figures.lastAppliedAt === null
      ? ""
      : `, the newest was applied ${span(secondsSince(figures.lastAppliedAt, now))} ago`;
  return { level: "ok", sentence: `All is well: ${open}, ${came}${newest}.`, since: null };
}

/** The worst thing that is true now, in one sentence: what, since when, and who is hurt. */
export function stateOfThings(figures: Figures, now: Date): State {
  const states = [
    damageState(figures),
    workerState(figures, now),
    backlogState(figures, now),
    failureState(figures),
    hurtState(figures, now),
    refusedState(figures),
    conflictState(figures),
    spoolState(figures),
    pausedState(figures, now),
    paymentState(figures),
    jobsState(figures),
  ].filter((state) => state !== null);
  // toSorted is stable: of two equally bad the earlier in the list above is the cause, the later its effect.
  return (
    states.toSorted((left, right) => rank(right.level) - rank(left.level))[0] ??
    wellState(figures, now)
  );
}

export interface Suggestion {
  readonly operation: string;
  readonly title: string;
  readonly reason: string;
  readonly input: Record<string, unknown>;
  readonly checks: { readonly label: string; readonly ok: boolean }[];
}

/** Operations worth running now, most useful first, with what was already looked at. */
export function suggestionsFor(figures: Figures, now: Date): readonly Suggestion[] {
  const failed = figures.failures.quarantined + figures.failures.dead;
  const found: Suggestion[] = [];
  const workersRun = figures.nodes.workersSeen > 0;
  if (failed > 0) {
    found.push({
      operation: "inbox.replay",
      title: "Replay what failed",
      reason: `${counted(failed, "event has", "events have")} failed.`,
      input: { failed: true },
      checks: [
        { label: "A worker is running", ok: workersRun },
        { label: "Nothing is kept on disk", ok: figures.nodes.spooled === 0 },
      ],
    });
  }
  for (const lane of figures.lanes) {
    for (const by of lane.pausedBy.filter(({ mayTurn }) => mayTurn)) {
      found.push({
        operation: "inbox.controls.set",
        title: `Let ${laneName(lane.lane)} of ${by.provider} flow again`,
        reason: `${by.by} paused it ${span(secondsSince(by.at, now))} ago; ${waits(lane.waiting)}.`,
        input: { provider: by.provider, lane: String(lane.lane), paused: false },
        checks: [{ label: "A worker is running", ok: workersRun }],
      });
    }
  }
  if (figures.failures.refusedSignatures > 0) {
    found.push({
      operation: "endpoints.list",
      title: "Look at the signing secrets",
      reason: `${counted(figures.failures.refusedSignatures, "webhook was", "webhooks were")} not believed.`,
      input: {},
      checks: [],
    });
  }
  if (figures.failures.conflicts > 0) {
    found.push({
      operation: "inbox.conflicts.list",
      title: "Look at the conflicting events",
      reason: `${counted(figures.failures.conflicts, "event", "events")} came twice with different contents.`,
      input: {},
      checks: [],
    });
  }
  if (figures.deadJobs > 0) {
    found.push({
      operation: "jobs.dead",
      title: "Look at the jobs that were given up",
      reason: `${counted(figures.deadJobs, "job", "jobs")} used up all tries.`,
      input: {},
      checks: [],
    });
  }
  return found;
}
