import type { Projector } from "../../server/src/domains/inbox/ports.ts";
import { startInboxWorker } from "../../server/src/interfaces/worker/inbox-worker.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
// A real worker process for the crash tests. Its projection is a ledger of effects without any key, so that a doubled one shows.
import { textArray } from "../../server/src/platform/db/binary-arrays.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";
import { openLog } from "../../server/src/platform/log.ts";
import { configOfThisChild } from "./wire.ts";

const config = configOfThisChild();
const log = openLog({ level: "error", name: config.name });
const pool = openPool({
  url: config.url,
  role: "purser_worker",
  max: 8,
  applicationName: config.name,
  onError: () => undefined,
});

const ledger: Projector = {
  provider: "stripe",
  apply: async (ctx, events) => {
    const poison = events.find((event) => event.eventType === "poison.abort");
    if (poison !== undefined) {
      process.abort();
    }
    await ctx.tx.client.query(
      "insert into crash_effects (external_id, worker) select unnest($1::text[]), $2",
      [textArray(events.map((event) => event.externalId)), config.name],
    );
    return events.map(() => ({ kind: "applied" }));
  },
};

const worker = startInboxWorker({
  workerId: `${config.name}-${String(process.pid)}`,
  pool,
  clock: systemClock,
  log,
  projectors: [ledger],
  batchCtx: (tx, now) => ({
    tx,
    now,
    announce: () => Promise.resolve(),
    enqueue: () => Promise.resolve(),
  }),
  slots: config.slots,
});
process.stdout.write(`${JSON.stringify({ port: 0 })}\n`);

process.on("SIGTERM", () => {
  void (async () => {
    await worker.stop();
    await pool.end();
    process.exitCode = 0;
  })();
});
