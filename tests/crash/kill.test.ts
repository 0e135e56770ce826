import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  type Child,
  openHouse,
  post,
  eventBody,
  settle,
  startChild,
  startLoad,
  until,
} from "./kit.ts";

/** The long form: `vitest run --project crash --mode long`. */
const ROUNDS = isLong() ? 60 : 12;
const ROUND_MS = 1_200;

let house: Awaited<ReturnType<typeof openHouse>>;
let dir: string;
beforeAll(async () => {
  house = await openHouse();
  dir = mkdtempSync(join(tmpdir(), "purser-crash-"));
});
afterAll(async () => {
  await house.close();
  rmSync(dir, { recursive: true, force: true });
});

function isLong(): boolean {
  const env: unknown = Reflect.get(import.meta, "env");
  return typeof env === "object" && env !== null && "MODE" in env && env.MODE === "long";
}

function pendingWork(): Promise<number> {
  return house.admin
    .query<{ n: number }>("select count(*)::int as n from inbox_work")
    .then((result) => result.rows[0]?.n ?? -1);
}

describe("killing at random under load", () => {
  test(`loses no acknowledged event and doubles no effect in ${String(ROUNDS)} rounds (F33, F34, F36, F57)`, async () => {
    const base = { url: house.cluster.serviceUrl, dir, port: 0, slots: 2 };
    let intake = await startChild("intake-entry.ts", { ...base, name: "intake-a" });
    const intakePort = intake.port;
    const workers: Child[] = await Promise.all(
      ["worker-a", "worker-b"].map((name) => startChild("worker-entry.ts", { ...base, name })),
    );
    const load = startLoad({ port: intakePort, senders: 32, tag: "kill", keys: 300 });
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await sleep(ROUND_MS * (0.5 + (round % 5) / 5));
        const victim = round % 3;
        if (victim === 0) {
          await intake.kill("SIGKILL");
          intake = await startChild("intake-entry.ts", {
            ...base,
            name: "intake-a",
            port: intakePort,
          });
        } else if (victim === 1) {
          const index = round % 2;
          await workers[index]?.kill("SIGKILL");
          workers[index] = await startChild("worker-entry.ts", {
            ...base,
            name: `worker-${String(round)}`,
          });
        } else {
          await house.cluster.kill9();
        }
      }
      await house.cluster.ready();
      await load.stop();
      await until(
        () =>
          house.admin
            .query<{ n: number }>(
              "select coalesce(sum(spooled), 0)::int as n from inbox_nodes where kind = 'intake' and seen_at > now() - interval '5 s'",
            )
            .then((result) => result.rows[0]?.n ?? -1),
        (spooled) => spooled === 0,
        60_000,
      );
      await until(
        async () => (await settle(house.admin, load.acknowledged)).lost.length,
        (lost) => lost === 0,
        30_000,
      ).catch(() => undefined);
      await until(pendingWork, (pending) => pending === 0, 90_000);
      const account = await settle(house.admin, load.acknowledged);
      expect(load.acknowledged.size).toBeGreaterThan(1_000);
      expect({
        lost: account.lost,
        unapplied: account.unapplied,
        doubled: account.doubled,
        pending: account.pending,
      }).toEqual({ lost: [], unapplied: [], doubled: 0, pending: 0 });
      expect([intake, ...workers].map((child) => child.exited())).toEqual([false, false, false]);
      process.stdout.write(
        `${String(ROUNDS)} rounds, ${String(load.acknowledged.size)} acknowledged, ${String(account.stored)} stored, 0 lost, 0 doubled\n`,
      );
    } finally {
      await load.stop();
      await intake.kill("SIGKILL");
      await Promise.all(workers.map((worker) => worker.kill("SIGKILL")));
    }
  });

  test("a worker that is stopped in the middle and wakes up after its lease changes nothing (F35)", async () => {
    const base = { url: house.cluster.serviceUrl, dir, port: 0, slots: 2 };
    await house.admin.query("truncate crash_effects");
    const intake = await startChild("intake-entry.ts", { ...base, name: "intake-z" });
    const zombie = await startChild("worker-entry.ts", { ...base, name: "worker-zombie" });
    const load = startLoad({ port: intake.port, senders: 16, tag: "zombie", keys: 200 });
    let heir: Child | undefined;
    try {
      await sleep(800);
      await zombie.kill("SIGSTOP");
      await sleep(300);
      await load.stop();
      heir = await startChild("worker-entry.ts", { ...base, name: "worker-heir" });
      await until(pendingWork, (pending) => pending === 0, 40_000);
      await zombie.kill("SIGCONT");
      await sleep(1_500);
      const account = await settle(house.admin, load.acknowledged);
      expect({
        lost: account.lost,
        unapplied: account.unapplied,
        doubled: account.doubled,
      }).toEqual({ lost: [], unapplied: [], doubled: 0 });
    } finally {
      await load.stop();
      await intake.kill("SIGKILL");
      await zombie.kill("SIGKILL");
      await heir?.kill("SIGKILL");
    }
  });

  test("an event that kills its worker is quarantined after three lone deaths, and the others go on (F52)", async () => {
    const base = { url: house.cluster.serviceUrl, dir, port: 0, slots: 2 };
    await house.admin.query("truncate crash_effects");
    const intake = await startChild("intake-entry.ts", { ...base, name: "intake-p" });
    let worker: Child | undefined;
    try {
      expect(await post(intake.port, eventBody("evt_poison", "cus_poison", "poison.abort"))).toBe(
        200,
      );
      const mates = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          post(intake.port, eventBody(`evt_mate_${String(n)}`, `cus_mate_${String(n)}`)),
        ),
      );
      expect(new Set(mates)).toEqual(new Set([200]));
      let deaths = 0;
      worker = await startChild("worker-entry.ts", { ...base, name: "worker-p" });
      const fate = (): Promise<string | undefined> =>
        house.admin
          .query<{ fate: string }>(
            "select inbox_fate(o.fate) as fate from inbox_outcomes o join inbox_events e on e.id = o.event_id where e.external_id = 'evt_poison'",
          )
          .then((result) => result.rows[0]?.fate);
      await until(
        async () => {
          if (worker?.exited() === true) {
            deaths += 1;
            // The lease of the dead is cut short: the rule is tested here, not the clock.
            await house.admin.query("update inbox_leases set lease_until = clock_timestamp()");
            worker = await startChild("worker-entry.ts", {
              ...base,
              name: `worker-p${String(deaths)}`,
            });
          }
          return fate();
        },
        (end) => end === "quarantined",
        90_000,
      );
      await until(pendingWork, (pending) => pending === 0, 20_000);
      await worker.kill("SIGKILL");
      const effects = await house.admin.query<{ n: number }>(
        "select count(*)::int as n from crash_effects where external_id like 'evt_mate_%'",
      );
      expect(effects.rows[0]?.n).toBe(50);
      // One death in company, which proves nothing, and three alone.
      expect(deaths).toBeGreaterThanOrEqual(3);
      expect(deaths).toBeLessThanOrEqual(5);
    } finally {
      await worker?.kill("SIGKILL");
      await intake.kill("SIGKILL");
    }
  });

  test("while Postgres is down every valid webhook is answered 200, and everything is there afterwards (F39)", async () => {
    const base = { url: house.cluster.serviceUrl, dir, port: 0, slots: 2 };
    await house.admin.query("truncate crash_effects");
    const first = await startChild("intake-entry.ts", { ...base, name: "intake-d" });
    await first.kill("SIGKILL");
    // A process that starts while its database does not answer: the wrong port stands for it.
    const nowhere = new URL(house.cluster.serviceUrl);
    nowhere.port = "9";
    const intake = await startChild("intake-entry.ts", {
      ...base,
      url: nowhere.href,
      name: "intake-d",
    });
    const load = startLoad({ port: intake.port, senders: 8, tag: "down", keys: 100 });
    await sleep(2_000);
    await load.stop();
    expect(load.acknowledged.size).toBe(load.offered());
    await intake.kill("SIGKILL");
    const again = await startChild("intake-entry.ts", { ...base, name: "intake-d" });
    const worker = await startChild("worker-entry.ts", { ...base, name: "worker-d" });
    try {
      await until(
        async () => (await settle(house.admin, load.acknowledged)).unapplied.length,
        (left) => left === 0,
        60_000,
      );
      const account = await settle(house.admin, load.acknowledged);
      expect({ lost: account.lost, doubled: account.doubled }).toEqual({ lost: [], doubled: 0 });
      expect(load.slowestMs()).toBeLessThan(1_500);
    } finally {
      await again.kill("SIGKILL");
      await worker.kill("SIGKILL");
    }
  });
});
