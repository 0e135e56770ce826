import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Figures, LaneFigures } from "./model.ts";
import { drainSeconds, laneSentence, span, stateOfThings, suggestionsFor } from "./today.core.ts";

const NOW = new Date("2026-11-21T10:00:00Z");
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

function lane(over: Partial<LaneFigures> = {}): LaneFigures {
  return {
    lane: 1,
    waiting: 0,
    parked: 0,
    oldestReceivedAt: null,
    arrivedPerMinute: 0,
    servedPerMinute: 0,
    pausedBy: [],
    ...over,
  };
}
function figures(
  over: Partial<Figures> = {},
  failures: Partial<Figures["failures"]> = {},
): Figures {
  return {
    lanes: [lane()],
    nodes: { workersSeen: 1, lastWorkerAt: ago(2), spooled: 0, damaged: 0 },
    hurt: { customers: 0, events: 0, since: null },
    deadJobs: 0,
    lastAppliedAt: ago(3),
    ...over,
    failures: {
      windowMinutes: 60,
      received: 1204,
      finished: 1000,
      quarantined: 0,
      dead: 0,
      firstFailureAt: null,
      refusedSignatures: 0,
      paymentsPaid: 0,
      paymentFailures: 0,
      firstPaymentFailureAt: null,
      conflicts: 0,
      firstConflictAt: null,
      ...failures,
    },
  };
}
const backlog = lane({ waiting: 37, oldestReceivedAt: ago(14 * 60) });
const paused = lane({
  ...backlog,
  pausedBy: [{ provider: "stripe", by: "Ana", at: ago(1800), mayTurn: true }],
});

describe("the sentence on the state of things", () => {
  it.each<[string, Figures, string, string, Date | null]>([
    [
      "nothing is wrong",
      figures(),
      "ok",
      "All is well: nothing waits, 1,204 events came in the last hour, the newest was applied 3 seconds ago.",
      null,
    ],
    [
      "nothing ever came",
      figures({ lastAppliedAt: null }, { received: 0, finished: 0 }),
      "ok",
      "All is well: nothing waits, nothing came in the last hour.",
      null,
    ],
    [
      "a few wait for a moment",
      figures({ lanes: [lane({ waiting: 4, oldestReceivedAt: ago(2) })] }),
      "ok",
      "All is well: 4 events wait, none for long, 1,204 events came in the last hour, the newest was applied 3 seconds ago.",
      null,
    ],
    [
      "money waits",
      figures({ lanes: [backlog], hurt: { customers: 12, events: 37, since: ago(90) } }),
      "fail",
      "37 events wait, the oldest for 14 minutes (money); 12 customers are concerned.",
      ago(14 * 60),
    ],
    [
      "money waits but drains",
      figures({
        lanes: [
          lane({
            ...backlog,
            oldestReceivedAt: ago(90),
            arrivedPerMinute: 10,
            servedPerMinute: 47,
          }),
        ],
      }),
      "warn",
      "37 events wait, the oldest for 1 minute (money), gone in about 1 minute.",
      ago(90),
    ],
    [
      "one STOP waits",
      figures({
        lanes: [backlog, lane({ lane: 0, waiting: 1, oldestReceivedAt: ago(61) })],
        hurt: { customers: 1, events: 1, since: ago(61) },
      }),
      "fail",
      "1 event waits for 1 minute (compliance); 1 customer is concerned.",
      ago(61),
    ],
    [
      "the worker is gone, which is why money waits",
      figures({
        lanes: [backlog],
        nodes: { workersSeen: 0, lastWorkerAt: ago(600), spooled: 0, damaged: 0 },
      }),
      "fail",
      "No worker has been heard of for 10 minutes: 37 events wait.",
      ago(600),
    ],
    [
      "no worker ever ran",
      figures({
        lanes: [lane({ waiting: 1, oldestReceivedAt: ago(1) })],
        nodes: { workersSeen: 0, lastWorkerAt: null, spooled: 0, damaged: 0 },
      }),
      "fail",
      "No worker has run yet: 1 event waits.",
      null,
    ],
    [
      "a person paused it",
      figures({ lanes: [paused] }),
      "held",
      "Ana paused money 30 minutes ago; 37 events wait.",
      ago(1800),
    ],
    [
      "few failed",
      figures(
        { hurt: { customers: 3, events: 3, since: ago(700) } },
        { quarantined: 1, dead: 2, firstFailureAt: ago(500) },
      ),
      "warn",
      "3 events have failed in 1 hour (1 quarantined, 2 given up; 0.3 % of what was finished); 3 customers are concerned.",
      ago(500),
    ],
    [
      "many failed",
      figures({}, { dead: 100, firstFailureAt: ago(500) }),
      "fail",
      "100 events have failed in 1 hour (100 given up; 10 % of what was finished).",
      ago(500),
    ],
    [
      "the database is slow",
      figures({ nodes: { workersSeen: 1, lastWorkerAt: ago(2), spooled: 1204, damaged: 0 } }),
      "warn",
      "1,204 events are kept on disk until the database takes them; nothing is lost.",
      null,
    ],
    [
      "a spool was damaged (its bytes were deleted after the drain)",
      figures({ nodes: { workersSeen: 1, lastWorkerAt: ago(2), spooled: 0, damaged: 1 } }),
      "fail",
      "1 damaged file is kept on an intake's disk: events that were acknowledged may be in it; ask the provider to send that time again.",
      null,
    ],
    [
      "payments fail",
      figures({}, { paymentsPaid: 10, paymentFailures: 15, firstPaymentFailureAt: ago(60) }),
      "warn",
      "15 of 25 payments failed in 1 hour.",
      ago(60),
    ],
    [
      "8 customers have an event set aside for minutes (it said that all is well)",
      figures({
        lanes: [lane({ parked: 8 })],
        hurt: { customers: 8, events: 8, since: ago(240) },
      }),
      "warn",
      "8 events have not been applied, the oldest for 4 minutes, 8 set aside; 8 customers are concerned.",
      ago(240),
    ],
    [
      "the provider's secret is not the one we know",
      figures({}, { received: 100, refusedSignatures: 44 }),
      "warn",
      "44 webhooks were refused in 1 hour because the signature does not match; if the secret was rolled, add the new one.",
      null,
    ],
    [
      "a stranger knocked",
      figures({}, { refusedSignatures: 4 }),
      "ok",
      "All is well: nothing waits, 1,204 events came in the last hour, the newest was applied 3 seconds ago.",
      null,
    ],
    [
      "an event came again with other contents",
      figures({}, { conflicts: 2, firstConflictAt: ago(60) }),
      "warn",
      "2 events came again in 1 hour under a known id with other contents; the first counts.",
      ago(60),
    ],
    [
      "a job was given up",
      figures({ deadJobs: 1 }),
      "warn",
      "1 job was given up; someone has to retry or drop them.",
      null,
    ],
  ])("when %s", (_case, given, level, sentence, since) => {
    expect(stateOfThings(given, NOW)).toEqual({ level, sentence, since });
  });

  it("is never that all is well while somebody is hurt", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(20), (customers, events, parked) => {
        const hurt = { customers: Math.min(customers, events), events, since: null };
        const { level } = stateOfThings(figures({ lanes: [lane({ parked })], hurt }), NOW);
        expect(level === "ok").toBe(events === 0);
      }),
    );
  });

  it("always ends with one full stop and never shows a broken number", () => {
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.nat(200_000),
        fc.nat(50),
        fc.nat(50),
        (waiting, age, dead, customers) => {
          const { sentence } = stateOfThings(
            figures(
              {
                lanes: [lane({ waiting, oldestReceivedAt: waiting === 0 ? null : ago(age) })],
                hurt: { customers, events: dead, since: null },
              },
              { dead },
            ),
            NOW,
          );
          expect(sentence).toMatch(/^[A-Z0-9].*[^.]\.$/);
          expect(sentence).not.toMatch(/NaN|Infinity|undefined|null|-\d/);
        },
      ),
    );
  });
});

describe("words", () => {
  it.each([
    [0, "0 seconds"],
    [1, "1 second"],
    [59.9, "59 seconds"],
    [60, "1 minute"],
    [3599, "59 minutes"],
    [7200, "2 hours"],
    [86_400, "1 day"],
    [-5, "0 seconds"],
  ])("of a span of %d seconds are %s", (seconds, words) => {
    expect(span(seconds)).toBe(words);
  });

  it("of a lane say what waits, what is set aside and that it is paused", () => {
    expect(laneSentence(lane(), NOW)).toBe("Nothing waits");
    expect(laneSentence(backlog, NOW)).toBe("37 events wait, the oldest for 14 minutes");
    expect(laneSentence({ ...paused, parked: 2 }, NOW)).toBe(
      "37 events wait, the oldest for 14 minutes, 2 set aside, paused",
    );
  });

  it("promise no end to a backlog that grows", () => {
    expect(drainSeconds({ ...backlog, arrivedPerMinute: 10, servedPerMinute: 10 })).toBeNull();
    expect(drainSeconds({ ...backlog, arrivedPerMinute: 0, servedPerMinute: 74 })).toBe(30);
  });
});

describe("what to do", () => {
  it("is nothing when all is well, and the replay of what failed with its checks", () => {
    expect(suggestionsFor(figures(), NOW)).toEqual([]);
    expect(
      suggestionsFor(figures({ lanes: [paused] }, { dead: 2 }), NOW).map(
        ({ operation, input }) => ({ operation, input }),
      ),
    ).toEqual([
      { operation: "inbox.replay", input: { failed: true } },
      { operation: "inbox.controls.set", input: { provider: "stripe", lane: "1", paused: false } },
    ]);
  });
});
