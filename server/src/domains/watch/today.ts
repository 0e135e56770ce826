import { addHours } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";

import type { TodayView } from "./contract.ts";
import { type Figures, type LaneFigures, type Level, laneName } from "./model.ts";
import type { ChangeLine, JobLine, SwitchLine, WatchSources } from "./ports.ts";
import {
  counted,
  drainSeconds,
  failureRate,
  laneLevel,
  laneSentence,
  secondsSince,
  stateOfThings,
  suggestionsFor,
} from "./today.core.ts";

const WINDOW_MINUTES = 60;
const CHANGED_HOURS = 6;

function laneView(lane: LaneFigures, now: Date): TodayView["lanes"][number] {
  return {
    lane: lane.lane,
    name: laneName(lane.lane),
    level: laneLevel(lane, now),
    waiting: lane.waiting,
    parked: lane.parked,
    oldestReceivedAt: lane.oldestReceivedAt?.toISOString() ?? null,
    oldestAgeSeconds:
      lane.oldestReceivedAt === null ? null : secondsSince(lane.oldestReceivedAt, now),
    arrivedPerMinute: lane.arrivedPerMinute,
    servedPerMinute: lane.servedPerMinute,
    drainSeconds: drainSeconds(lane),
    paused: lane.pausedBy.length > 0,
    sentence: laneSentence(lane, now),
  };
}

function failureView(figures: Figures): TodayView["failures"] {
  const { failures } = figures;
  return {
    windowMinutes: failures.windowMinutes,
    received: failures.received,
    failed: failures.quarantined + failures.dead,
    quarantined: failures.quarantined,
    dead: failures.dead,
    refusedSignatures: failures.refusedSignatures,
    conflicts: failures.conflicts,
    paymentFailures: failures.paymentFailures,
    failureRate: failureRate(failures),
  };
}

const CHANGES_SHOWN = 30;

/** "Ana: inbox control changed (stripe/9)"; one UPDATE of a thousand rows is one line and not a thousand. */
export function changeViews(lines: readonly ChangeLine[]): TodayView["changed"] {
  const folded: { line: ChangeLine; count: number }[] = [];
  for (const line of lines) {
    const last = folded.at(-1);
    const same =
      last !== undefined &&
      last.line.actor === line.actor &&
      last.line.action === line.action &&
      last.line.subject?.kind === line.subject?.kind;
    if (same) {
      last.count += 1;
    } else {
      folded.push({ line, count: 1 });
    }
  }
  return folded.slice(0, CHANGES_SHOWN).map(({ line, count }) => {
    const what = line.action.replace(/^out_of_band\./u, "SQL by hand, ").replaceAll(/[._]/gu, " ");
    const kind = line.subject?.kind ?? "";
    const where =
      count === 1 ? (line.subject?.id ?? "") : `${counted(count, "time", "times")}, ${kind}`;
    return {
      id: line.id,
      at: line.at,
      actor: line.actor,
      action: line.action,
      subject: count === 1 ? (line.subject?.id ?? null) : null,
      sentence: `${line.actor}: ${what}${where === "" ? "" : ` (${where})`}`,
    };
  });
}

function switchView(line: SwitchLine): TodayView["switches"][number] {
  const limits = [
    line.maxConcurrency === null ? null : `at most ${line.maxConcurrency} at once`,
    line.ratePerS === null ? null : `at most ${line.ratePerS} a second`,
  ].filter((word) => word !== null);
  return {
    key: `inbox.controls/${line.provider}/${line.lane}`,
    label: `${line.provider}, ${laneName(line.lane)}`,
    value: line.paused ? "paused" : limits.length === 0 ? "flows" : limits.join(", "),
    level: line.paused ? "held" : "ok",
    setBy: line.setBy,
    setAt: line.setAt.toISOString(),
    reason: null,
  };
}

function jobLevel(job: JobLine): Level {
  if (job.dead > 0 || job.lastRun?.outcome === "dead") {
    return "fail";
  }
  if (job.lastRun === null) {
    return "unknown";
  }
  return job.lastRun.outcome === "failed" || job.lastRun.outcome === "lost" ? "warn" : "ok";
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  running: "Runs now",
  done: "Done",
  snoozed: "Put off",
  discarded: "Not needed",
  failed: "Failed, tries again",
  dead: "Given up",
  lost: "Its process died, tries again",
};

function jobSentence(job: JobLine): string {
  if (job.lastRun === null) {
    return job.nextRunAt === null ? "Waits to be asked for" : "Has not run yet";
  }
  const word = OUTCOME_WORDS[job.lastRun.outcome] ?? job.lastRun.outcome;
  const note = job.lastRun.note === null ? "" : `: ${job.lastRun.note}`;
  const dead = job.dead === 0 ? "" : `; ${counted(job.dead, "run", "runs")} given up`;
  return `${word}${note}${dead}`;
}

function jobView(job: JobLine): TodayView["jobs"][number] {
  return {
    name: job.name,
    title: job.title,
    level: jobLevel(job),
    sentence: jobSentence(job),
    nextAt: job.nextRunAt,
    lastAt: job.lastRun?.endedAt ?? job.lastRun?.startedAt ?? null,
  };
}

/** What waits for a person: until approvals and incidents exist, that which only a person can end. */
function waitingFor(figures: Figures): TodayView["waiting"] {
  const failed = figures.failures.quarantined + figures.failures.dead;
  const waits: TodayView["waiting"] = [];
  if (failed > 0) {
    waits.push({
      kind: "failed_events",
      sentence: `${counted(failed, "failed event has", "failed events have")} to be replayed or let go.`,
      since: figures.failures.firstFailureAt?.toISOString() ?? null,
      href: "/inbox?state=failed",
    });
  }
  if (figures.deadJobs > 0) {
    waits.push({
      kind: "dead_jobs",
      sentence: `${counted(figures.deadJobs, "job", "jobs")} given up: retry or drop.`,
      since: null,
      href: "/jobs?dead=1",
    });
  }
  return waits;
}

/** The first screen: everything is read in one transaction, so its parts agree with each other. */
export async function today(ctx: Ctx, sources: WatchSources): Promise<TodayView> {
  const figures = await sources.figures(ctx, WINDOW_MINUTES);
  const series = await sources.series(ctx, WINDOW_MINUTES);
  const changed = await sources.changes(ctx, addHours(ctx.now, -CHANGED_HOURS));
  const switches = await sources.switches(ctx);
  const jobs = await sources.jobs(ctx);
  const state = stateOfThings(figures, ctx.now);
  return {
    at: ctx.now.toISOString(),
    state: {
      level: state.level,
      sentence: state.sentence,
      since: state.since?.toISOString() ?? null,
      hurt: { customers: figures.hurt.customers, events: figures.hurt.events },
    },
    waiting: waitingFor(figures),
    lanes: figures.lanes.map((lane) => laneView(lane, ctx.now)),
    failures: failureView(figures),
    series: {
      startsAt: series.startsAt.toISOString(),
      stepSeconds: 60,
      arrivals: [...series.arrivals],
      failures: [...series.failures],
      paymentFailures: [...series.paymentFailures],
    },
    changed: changeViews(changed),
    suggestions: [...suggestionsFor(figures, ctx.now)],
    switches: switches.map(switchView),
    jobs: jobs.map(jobView),
  };
}
