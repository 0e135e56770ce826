import { expect, test } from "vitest";

import { movableClock } from "#platform/clock.ts";

import type { Accepted, DurableLog } from "./durable-log.ts";
import { type FlushReport, measuredLog } from "./measured-log.ts";

const event: Accepted = {
  workspaceId: 1,
  endpointId: 1,
  provider: "stripe",
  secretNo: 1,
  externalId: "evt_1",
  eventType: "invoice.paid",
  okey: "stripe:cus_1",
  lane: 1,
  occurredAt: null,
  receivedAt: new Date(0),
  apiVersion: null,
  fingerprint: Buffer.alloc(32),
  body: Buffer.alloc(0),
  dead: null,
};

test("a flush tells its size and what became of each event, a failed one too (the metrics had neither)", async () => {
  const clock = movableClock(new Date(0));
  const told: FlushReport[] = [];
  let away = false;
  const log: DurableLog = {
    append: async (batch) => {
      clock.advanceMs(4);
      if (away) {
        throw new Error("away");
      }
      return batch.map((_, index) => (index === 0 ? "duplicate" : "new"));
    },
  };
  const measured = measuredLog(log, clock, (report) => told.push(report));
  expect(await measured.append([event, event, event])).toEqual(["duplicate", "new", "new"]);
  away = true;
  await expect(measured.append([event])).rejects.toThrow("away");
  expect(told).toEqual([
    { events: 3, ms: 4, fates: { duplicate: 1, new: 2 } },
    { events: 1, ms: 4, fates: { failed: 1 } },
  ]);
});
