// A real worker process whose projection never returns for one type of event, as a wrong loop in a handler would.
import type { Projector } from "../../server/src/domains/inbox/ports.ts";
import { startInboxWorker } from "../../server/src/interfaces/worker/inbox-worker.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";
import { openLog } from "../../server/src/platform/log.ts";

const [url = "", name = "worker"] = process.argv.slice(2);

const looping: Projector = {
  provider: "stripe",
  apply: (_ctx, events) => {
    let turns = 0;
    while (events.some((event) => event.eventType === "poison.loop") && turns >= 0) {
      turns += 1;
    }
    return Promise.resolve(events.map(() => ({ kind: "applied" as const })));
  },
};

startInboxWorker({
  workerId: `${name}-${String(process.pid)}`,
  pool: openPool({
    url,
    role: "purser_worker",
    max: 6,
    applicationName: name,
    onError: () => undefined,
  }),
  clock: systemClock,
  log: openLog({ level: "error", name }),
  projectors: [looping],
  batchCtx: (tx, now) => ({
    tx,
    now,
    announce: () => Promise.resolve(),
    enqueue: () => Promise.resolve(),
  }),
  slots: 2,
  watchdogMs: 500,
});
process.stdout.write('{"ready":true}\n');
