import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";

import { eventBody } from "../conformance/stripe-shapes.ts";
import { deliver, nowSeconds, openWiredHouse, until, type WiredHouse } from "../kit/house.ts";

let house: WiredHouse;
let worker: ChildProcess | null = null;
beforeAll(async () => {
  house = await openWiredHouse({ worker: false });
});
afterAll(async () => {
  worker?.kill("SIGKILL");
  await house.stop();
});

function startWorker(): ChildProcess {
  const entry = fileURLToPath(new URL("loop-worker-entry.ts", import.meta.url));
  return spawn(process.execPath, ["--no-warnings", entry, house.database.serviceUrl, "looper"], {
    stdio: "ignore",
  });
}

async function fatesOf(prefix: string): Promise<readonly string[]> {
  const { rows } = await house.superuser.query<{ fate: string }>(
    "select inbox_fate(o.fate) as fate from inbox_outcomes o join inbox_events e on e.id = o.event_id where e.external_id like $1",
    [`${prefix}%`],
  );
  return rows.map((row) => row.fate);
}

test("F53: an event that turns for ever costs its workers' lives, is set aside, and the others go on", async () => {
  const send = (id: string, type: string): Promise<unknown> =>
    deliver(
      house,
      house.alder,
      eventBody({
        id,
        type,
        created: nowSeconds(),
        object: { id: `in_${id}`, object: "invoice", customer: `cus_${id}` },
      }),
    );
  await send("evt_loop", "poison.loop");
  for (let n = 0; n < 20; n += 1) {
    await send(`evt_mate_${String(n)}`, "invoice.paid");
  }
  let deaths = 0;
  worker = startWorker();
  await until(
    async () => {
      if (worker !== null && (worker.exitCode !== null || worker.signalCode !== null)) {
        deaths += 1;
        // The leases of the dead are cut short: the rule is tested here, not the clock.
        await house.superuser.query("update inbox_leases set lease_until = clock_timestamp()");
        worker = startWorker();
      }
      return fatesOf("evt_loop");
    },
    (fates) => fates.includes("quarantined"),
    100_000,
  );
  await until(
    () => fatesOf("evt_mate_"),
    (fates) => fates.length === 20,
  );
  expect(new Set(await fatesOf("evt_mate_"))).toEqual(new Set(["applied"]));
  expect(deaths).toBeGreaterThanOrEqual(3);
});
