import { beforeAll, beforeEach, describe, expect, test } from "vitest";

import { applyBatch } from "#domains/inbox/apply.ts";
import { type Claims, claimsOf } from "#domains/inbox/claims.ts";
import type { Fate, InboxEvent, Projector } from "#domains/inbox/ports.ts";
import { applyReplay, planReplay } from "#domains/inbox/replay.commands.ts";
import { sweepInbox } from "#domains/inbox/retention.ts";
import { segmentCache } from "#domains/inbox/segment-cache.ts";
import type { BatchCtx, Ctx } from "#platform/context.ts";
import type { AuditEntry } from "#platform/context.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";

import { type InboxWorker, startInboxWorker } from "./inbox-worker.ts";
import {
  openTestInbox,
  postStripe,
  silentLog,
  stripeBody as bodyOf,
  type TestInbox,
} from "./testing.ts";

let inbox: TestInbox;
/** The intake remembers what it stored, although the tests clear the tables: contents differ from test to test. */
let testNumber = 0;
const stripeBody: typeof bodyOf = (event) => bodyOf({ extra: testNumber, ...event });
beforeAll(async () => {
  inbox = await openTestInbox();
  await inbox.admin.query(`
    create table effects (n bigint generated always as identity, external_id text not null, okey text not null);
    grant select, insert on effects to purser_worker`);
});
beforeEach(async () => {
  testNumber += 1;
  await inbox.admin.query(
    "truncate effects, inbox_events, inbox_segments, inbox_work, inbox_keys, inbox_leases, inbox_waiting, inbox_outcomes, inbox_attempts, inbox_controls, inbox_duplicates",
  );
});

type Decide = (event: InboxEvent) => Fate | Error;

/** Writes an effect for every event it is told to apply. */
function ledger(
  decide: Decide = () => ({ kind: "applied" }),
  provider: Projector["provider"] = "stripe",
): Projector {
  return {
    provider,
    apply: async (ctx, events) => {
      const fates: Fate[] = [];
      for (const event of events) {
        const fate = decide(event);
        if (fate instanceof Error) {
          throw fate;
        }
        if (fate.kind === "applied") {
          await ctx.tx.client.query("insert into effects (external_id, okey) values ($1, $2)", [
            event.externalId,
            event.okey,
          ]);
        }
        fates.push(fate);
      }
      return fates;
    },
  };
}

const batchCtx = (tx: Tx, now: Date): BatchCtx => ({
  tx,
  now,
  announce: () => Promise.resolve(),
  enqueue: () => Promise.resolve(),
});

async function whileWorking(
  projectors: readonly Projector[],
  work: (worker: InboxWorker) => Promise<void>,
): Promise<void> {
  const worker = startInboxWorker({
    workerId: "worker-test",
    pool: inbox.worker,
    clock: inbox.clock,
    log: silentLog,
    projectors,
    batchCtx,
    watchdogMs: null,
  });
  try {
    await work(worker);
  } finally {
    await worker.stop();
  }
}

/** Time goes on for the worker's once-a-second duties without anybody sleeping through it. */
async function eventually<T>(ask: () => Promise<T>, wanted: unknown): Promise<void> {
  await expect
    .poll(
      async () => {
        inbox.clock.advanceMs(200);
        return ask();
      },
      { timeout: 10_000, interval: 30 },
    )
    .toEqual(wanted);
}

async function results(): Promise<Record<string, string>> {
  const rows = await inbox.rows<{ event_id: string; processing_result: string }>(
    "select event_id, processing_result from webhook_events order by id",
  );
  return Object.fromEntries(rows.map((row) => [row.event_id, row.processing_result]));
}

async function effects(): Promise<string[]> {
  return (
    await inbox.rows<{ external_id: string }>("select external_id from effects order by n")
  ).map((row) => row.external_id);
}

async function take(...events: readonly Parameters<typeof stripeBody>[0][]): Promise<void> {
  for (const event of events) {
    expect(await postStripe(inbox, stripeBody(event))).toBe(200);
  }
}

async function leftovers(): Promise<Record<string, number>> {
  const [row] = await inbox.rows<Record<string, number>>(
    "select (select count(*)::int from inbox_work) as work, (select count(*)::int from inbox_keys) as keys, (select count(*)::int from inbox_leases) as leases, (select count(*)::int from inbox_waiting) as waiting",
  );
  return row ?? {};
}
const NOTHING = { work: 0, keys: 0, leases: 0, waiting: 0 };

describe("working off", () => {
  test("every event ends with its fate and nothing stays behind", async () => {
    await take({ id: "evt_a" }, { id: "evt_b" }, { id: "evt_c" }, { id: "evt_d" });
    const decide: Decide = (event) => {
      switch (event.externalId) {
        case "evt_b":
          return { kind: "ignored", reason: "unknown type" };
        case "evt_c":
          return { kind: "superseded", by: "evt_d", reason: "older" };
        case "evt_d":
          return { kind: "quarantined", reason: "unknown version" };
        default:
          return { kind: "applied" };
      }
    };
    await whileWorking([ledger(decide)], async () => {
      await eventually(results, {
        evt_a: "ok",
        evt_b: "ignored",
        evt_c: "superseded",
        evt_d: "error",
      });
    });
    expect(await effects()).toEqual(["evt_a"]);
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("events of one key keep their order while two slots work, whatever the lane", async () => {
    const order = Array.from({ length: 40 }, (_, n) => `evt_${String(n).padStart(2, "0")}`);
    await take(
      ...order.map((id, n) => ({ id, type: n % 2 === 0 ? "invoice.paid" : "customer.updated" })),
    );
    await whileWorking([ledger()], async () => {
      await eventually(async () => (await effects()).length, 40);
    });
    const seen = await effects();
    expect(seen.filter((_, index) => index % 1 === 0).toSorted()).toEqual(order);
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("one bad event among two hundred costs nobody else anything, and its try is recorded", async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        postStripe(inbox, stripeBody({ id: `evt_${String(n)}`, customer: `cus_${String(n)}` })),
      ),
    );
    await whileWorking(
      [
        ledger((event) =>
          event.externalId === "evt_77" ? new Error("boom") : { kind: "applied" },
        ),
      ],
      async () => {
        await eventually(async () => (await effects()).length, 199);
        await eventually(
          () => inbox.rows("select outcome, error from inbox_attempts limit 1"),
          [{ outcome: "failed", error: "Error: boom" }],
        );
      },
    );
    expect((await results())["evt_77"]).toBe("retrying");
    expect(await effects()).not.toContain("evt_77");
    expect(new Set(await effects()).size).toBe(199);
  });

  test("a failing event holds its key back, in order, and lets it go when it succeeds", async () => {
    await take(
      { id: "evt_1" },
      { id: "evt_2" },
      { id: "evt_3" },
      { id: "evt_other", customer: "cus_2" },
    );
    let broken = true;
    await whileWorking(
      [
        ledger((event) =>
          broken && event.externalId === "evt_2" ? new Error("not yet") : { kind: "applied" },
        ),
      ],
      async () => {
        await eventually(async () => (await effects()).toSorted(), ["evt_1", "evt_other"]);
        await take({ id: "evt_4" });
        await inbox.rows("select 1");
        broken = false;
        await eventually(
          async () => (await effects()).filter((id) => id !== "evt_other"),
          ["evt_1", "evt_2", "evt_3", "evt_4"],
        );
      },
    );
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("an event that fails for ever is dead after its last try, and its key goes on", async () => {
    await take({ id: "evt_1" }, { id: "evt_2" });
    await inbox.admin.query(
      "update inbox_work set attempts = 11 where event_id = (select id from inbox_events where external_id = 'evt_1')",
    );
    await whileWorking(
      [
        ledger((event) =>
          event.externalId === "evt_1" ? new Error("never") : { kind: "applied" },
        ),
      ],
      async () => {
        await eventually(results, { evt_1: "error", evt_2: "ok" });
      },
    );
    const [dead] = await inbox.rows<{ error: string }>(
      "select error from webhook_events where event_id = 'evt_1'",
    );
    expect(dead?.error).toContain("Failed 12 times");
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("an event whose parent is unknown steps aside, and is applied when the parent came (F27)", async () => {
    let parent = false;
    const decide: Decide = (event) => {
      parent ||= event.externalId === "evt_parent";
      return event.externalId === "evt_child" && !parent
        ? { kind: "waiting", for: "stripe:cus_parent", reason: "no such customer yet" }
        : { kind: "applied" };
    };
    await take({ id: "evt_child" }, { id: "evt_sibling" });
    await whileWorking([ledger(decide)], async () => {
      await eventually(effects, ["evt_sibling"]);
      await take({ id: "evt_parent", customer: "cus_parent" });
      await eventually(effects, ["evt_sibling", "evt_parent", "evt_child"]);
    });
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("an event whose parent never comes is dead after a day (F27)", async () => {
    await take({ id: "evt_orphan" });
    const never: Decide = () => ({ kind: "waiting", for: "stripe:x", reason: "never comes" });
    await whileWorking([ledger(never)], async () => {
      await eventually(async () => (await leftovers())["waiting"], 1);
      inbox.clock.advanceMs(25 * 3_600_000);
      await eventually(results, { evt_orphan: "error" });
    });
    inbox.clock.set(new Date("2026-11-21T10:00:00Z"));
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("events of a provider whose room does not exist are held, and worked off when it does", async () => {
    await take({ id: "evt_held" });
    await whileWorking([ledger(undefined, "paddle")], async () => {
      await eventually(() => inbox.rows("select state from inbox_work"), [{ state: 2 }]);
    });
    await whileWorking([ledger()], async () => {
      await eventually(effects, ["evt_held"]);
    });
    expect(await leftovers()).toEqual(NOTHING);
  });
});

describe("valves", () => {
  test("a paused lane waits, the others do not, and opening it takes effect without a restart", async () => {
    await inbox.admin.query(
      "insert into inbox_controls (provider, lane, paused, updated_at, updated_by) values (1, 5, true, now(), 'test')",
    );
    await take(
      { id: "evt_slow", type: "customer.updated" },
      { id: "evt_money", customer: "cus_2" },
      { id: "evt_same_key" },
    );
    await whileWorking([ledger()], async () => {
      await eventually(async () => (await effects()).toSorted(), ["evt_money", "evt_same_key"]);
      await inbox.admin.query("update inbox_controls set paused = false");
      await eventually(async () => (await effects()).length, 3);
    });
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("a rate lets through no more than it says", async () => {
    await inbox.admin.query(
      "insert into inbox_controls (provider, lane, rate_per_s, updated_at, updated_by) values (1, 1, 5, now(), 'test')",
    );
    await take(
      ...Array.from({ length: 20 }, (_, n) => ({
        id: `evt_${String(n)}`,
        customer: `cus_${String(n)}`,
      })),
    );
    await whileWorking([ledger()], async () => {
      // The clock stands still: one second's worth is all there is.
      await expect.poll(async () => (await effects()).length, { timeout: 5_000 }).toBe(5);
      inbox.clock.advanceMs(1_000);
      await expect.poll(async () => (await effects()).length, { timeout: 5_000 }).toBe(10);
    });
  });
});

function claimsFor(worker: string): Claims {
  return claimsOf({ pool: inbox.worker, worker, segments: segmentCache(inbox.worker) });
}

async function claimAll(worker: string, total = 100) {
  const claims = claimsFor(worker);
  const places = await claims.discover();
  const windows = places.map((place) => ({
    triple: {
      lane: place.lane === 1 ? (1 as const) : (5 as const),
      provider: place.provider,
      workspaceId: place.workspace_id,
      floor: place.event_id - 1,
      cursor: 0,
    },
    take: total,
    share: total,
  }));
  return (await claims.fresh(windows, { total, agedId: 0, closed: [] })).batch;
}

const applyDeps = (projector: Projector) => ({
  pool: inbox.worker,
  worker: "w",
  clock: inbox.clock,
  log: silentLog,
  projectors: new Map([[projector.provider, projector]]),
  batchCtx,
  chance: () => 0,
});

describe("leases", () => {
  test("two claims never hold one key, and together they hold all", async () => {
    await take(
      ...Array.from({ length: 30 }, (_, n) => ({
        id: `evt_${String(n)}`,
        customer: `cus_${String(n % 10)}`,
      })),
    );
    const batches = await Promise.all(["w1", "w2", "w3"].map((worker) => claimAll(worker)));
    const owners = new Map<string, Set<number>>();
    for (const batch of batches) {
      for (const event of batch?.events ?? []) {
        owners.set(event.okey, (owners.get(event.okey) ?? new Set()).add(batch?.token ?? 0));
      }
    }
    expect(owners.size).toBe(10);
    expect([...owners.values()].every((tokens) => tokens.size === 1)).toBe(true);
    expect(batches.flatMap((batch) => batch?.events ?? [])).toHaveLength(30);
  });

  test("whoever lost the lease commits nothing: 0 of 1,000 (F35)", async () => {
    await take({ id: "evt_1" });
    let committed = 0;
    for (let round = 0; round < 1_000; round += 1) {
      const batch = await claimAll("zombie");
      expect(batch?.events).toHaveLength(1);
      await inbox.admin.query(
        round % 2 === 0
          ? "delete from inbox_leases"
          : "update inbox_leases set lease_until = clock_timestamp() - interval '1 ms'",
      );
      if (batch !== null) {
        const applied = await applyBatch(applyDeps(ledger()), batch);
        committed += applied.kind === "done" ? 1 : 0;
      }
      await inbox.admin.query("truncate inbox_keys, inbox_leases");
    }
    expect(committed).toBe(0);
    expect(await effects()).toEqual([]);
  }, 60_000);

  test("a takeover waits for a commit that is under way, and the taken-over key is worked off alone", async () => {
    await take({ id: "evt_1" }, { id: "evt_2", customer: "cus_2" });
    await claimAll("dead");
    await inbox.admin.query(
      "update inbox_leases set lease_until = clock_timestamp() - interval '1 s'",
    );
    const busy = await inbox.admin.connect();
    await busy.query("begin; select from inbox_leases for update");
    const tend = "select taken_over from inbox_tend($1, '24 hours')";
    expect(await inbox.rows(tend, [inbox.clock.now()])).toEqual([{ taken_over: 0 }]);
    await busy.query("rollback");
    busy.release();
    expect(await inbox.rows(tend, [inbox.clock.now()])).toEqual([{ taken_over: 2 }]);
    const alone = await claimsFor("heir").due({ alone: true, keys: 10, events: 10, closed: [] });
    expect(alone?.events).toHaveLength(1);
    await whileWorking([ledger()], async () => {
      await inbox.admin.query(
        "update inbox_leases set lease_until = clock_timestamp() - interval '1 s'",
      );
      await eventually(async () => (await effects()).toSorted(), ["evt_1", "evt_2"]);
    });
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("only deaths in which a key was alone count against it; the third quarantines its first event", async () => {
    await take({ id: "evt_1" }, { id: "evt_2" });
    await claimAll("dead");
    const heads: unknown[] = [];
    for (let deaths = 0; deaths < 4; deaths += 1) {
      const [key] = await inbox.rows<{ crashes: number }>("select crashes from inbox_keys");
      expect(key?.crashes).toBe(Math.max(0, deaths - 1));
      await inbox.admin.query(
        "update inbox_leases set lease_until = clock_timestamp() - interval '1 s'",
      );
      await inbox.rows("select inbox_tend($1, '24 hours')", [inbox.clock.now()]);
      if (deaths < 3) {
        const alone = await claimsFor("dead").due({ alone: true, keys: 1, events: 1, closed: [] });
        heads.push(alone?.events.map((event) => event.externalId));
      }
    }
    expect(heads).toEqual([["evt_1"], ["evt_1"], ["evt_1"]]);
    await whileWorking([ledger()], async () => {
      await eventually(results, { evt_1: "error", evt_2: "ok" });
    });
    expect(await effects()).toEqual(["evt_2"]);
    expect(await leftovers()).toEqual(NOTHING);
  });
});

describe("replay", () => {
  const audited: AuditEntry[] = [];

  async function replay(input: Parameters<typeof planReplay>[1]): Promise<number> {
    const [workspace] = await inbox.rows<{ id: number }>(
      "select id from workspaces where slug = 'one'",
    );
    const app = inbox.admin;
    return inTx(app, [workspace?.id ?? 0], async (tx) => {
      const ctx: Ctx = {
        now: inbox.clock.now(),
        tx,
        actor: { kind: "system", job: "test" },
        workspace: { id: workspace?.id ?? 0, publicId: "ws_one", slug: "one" },
        requestId: "r",
        ticket: null,
        audit: async (entry) => {
          audited.push(entry);
        },
        announce: () => Promise.resolve(),
        enqueue: () => Promise.resolve(),
      };
      const plan = await planReplay(ctx, input);
      await applyReplay(ctx, plan);
      return plan.events.length;
    });
  }

  test("twice works it off twice, keeps its end, and is audited twice; an idempotent projection has one effect (F31)", async () => {
    await take({ id: "evt_1" });
    const once: Decide = (event) =>
      event.replay ? { kind: "superseded", by: null, reason: "nothing new" } : { kind: "applied" };
    await whileWorking([ledger(once)], async () => {
      await eventually(results, { evt_1: "ok" });
      expect(await replay({ ids: ["evt_1"] })).toBe(1);
      await eventually(async () => (await inbox.rows("select from inbox_attempts")).length, 1);
      expect(await replay({ ids: ["evt_1"] })).toBe(1);
      await eventually(async () => (await inbox.rows("select from inbox_attempts")).length, 2);
    });
    expect(await effects()).toEqual(["evt_1"]);
    expect(await results()).toEqual({ evt_1: "ok" });
    expect(audited.map((entry) => entry.action)).toEqual(["webhook.replayed", "webhook.replayed"]);
    expect(await leftovers()).toEqual(NOTHING);
  });

  test("of all that failed takes the failed alone, and in bulk goes behind everything", async () => {
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        postStripe(inbox, stripeBody({ id: `evt_${String(n)}`, customer: `cus_${String(n)}` })),
      ),
    );
    let broken = true;
    await whileWorking(
      [
        ledger((event) =>
          broken && event.externalId !== "evt_0"
            ? { kind: "quarantined", reason: "bug" }
            : { kind: "applied" },
        ),
      ],
      async () => {
        await eventually(async () => (await inbox.rows("select from inbox_outcomes")).length, 30);
        broken = false;
        await worked();
      },
    );
    async function worked(): Promise<void> {
      expect(await replay({ failed: true })).toBe(29);
      await eventually(async () => (await effects()).length, 30);
    }
    expect(await replay({ failed: true })).toBe(0);
  });
});

describe("retention", () => {
  test("bodies go after 30 days, events after 90, and what is still to do keeps both", async () => {
    await take({ id: "evt_done" });
    await whileWorking([ledger()], async () => {
      await eventually(results, { evt_done: "ok" });
    });
    await take({ id: "evt_pending", customer: "cus_2" });
    const count = async () =>
      (
        await inbox.rows<{ events: number; segments: number }>(
          "select (select count(*)::int from inbox_events) as events, (select count(*)::int from inbox_segments) as segments",
        )
      )[0];
    inbox.clock.advanceMs(31 * 86_400_000);
    await sweepInbox({ pool: inbox.admin, clock: inbox.clock });
    expect(await count()).toEqual({ events: 2, segments: 1 });
    inbox.clock.advanceMs(60 * 86_400_000);
    await sweepInbox({ pool: inbox.admin, clock: inbox.clock });
    expect(await count()).toEqual({ events: 1, segments: 1 });
    inbox.clock.set(new Date("2026-11-21T10:00:00Z"));
  });
});
