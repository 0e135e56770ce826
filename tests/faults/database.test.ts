import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventBody } from "../conformance/stripe-shapes.ts";
import { deliver, nowSeconds, until } from "../kit/house.ts";
import { openSite, type Part, type Site } from "./program.ts";

let site: Site;
let intake: Part;
beforeAll(async () => {
  site = await openSite();
  intake = await site.startPart("intake");
});
afterAll(async () => {
  await site.close();
});

let sent = 0;

/** Sends events of a new family, all at once, and answers with their statuses and the family's name. */
async function sendSome(
  count: number,
  to: readonly Part[] = [intake],
): Promise<{ family: string; statuses: number[] }> {
  sent += 1;
  const family = `evt_family${String(sent)}_`;
  const statuses = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const part = to[n % to.length] ?? intake;
      const event = eventBody({
        id: `${family}${String(n)}`,
        type: "quantum.entangled",
        created: nowSeconds(),
        object: { id: `q_${String(n)}` },
      });
      return (await deliver(part, site.tenant, event)).status;
    }),
  );
  return { family, statuses };
}

interface Kept {
  readonly events: number;
  readonly distinct: number;
  readonly conflicts: number;
}

async function kept(family: string): Promise<Kept> {
  const { rows } = await site.superuser.query<Kept>(
    `select count(*)::int as events, count(distinct external_id)::int as distinct,
            (select count(*)::int from inbox_conflicts where external_id like $1) as conflicts
       from inbox_events where external_id like $1`,
    [`${family}%`],
  );
  return rows[0] ?? { events: -1, distinct: -1, conflicts: -1 };
}

/** All of a family are there, each once, none as a conflict, and the intake is the process it was. */
async function allThereOnce(family: string, count: number): Promise<void> {
  await until(
    () => kept(family),
    ({ distinct }) => distinct === count,
  );
  expect(await kept(family)).toEqual({ events: count, distinct: count, conflicts: 0 });
  expect(intake.exited()).toBe(false);
}

const ALL_200 = Array.from({ length: 20 }, () => 200);

describe("Postgres fails under the ear", () => {
  test("F37: cut off after the commit was sent, an event is answered 200 and there once", async () => {
    await allThereOnce((await sendSome(20)).family, 20);
    site.proxy.cutReplies();
    const { family, statuses } = await sendSome(20);
    expect(statuses).toEqual(ALL_200);
    site.proxy.heal();
    await allThereOnce(family, 20);
  });

  test("F38: a database that swallows everything in silence is not waited for", async () => {
    await allThereOnce((await sendSome(20)).family, 20);
    site.proxy.blackhole();
    const { family, statuses } = await sendSome(20);
    expect(statuses).toEqual(ALL_200);
    expect((await kept(family)).events).toBe(0);
    site.proxy.heal();
    await allThereOnce(family, 20);
  });

  test.each([
    [
      "takes no writes (25006)",
      "alter database purser set default_transaction_read_only = on",
      "alter database purser reset default_transaction_read_only",
    ],
    [
      "gives no connections (53300)",
      "alter role purser_service connection limit 0",
      "alter role purser_service connection limit -1",
    ],
    [
      "lost the privilege to insert (42501)",
      "revoke insert on inbox_events from purser_intake",
      "grant insert on inbox_events to purser_intake",
    ],
  ])("F40: a database that %s costs no event", async (_name, breakIt, mendIt) => {
    await site.superuser.query(breakIt);
    // Those settings are read at connect: the old connections are ended.
    await site.superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'purser_service'",
    );
    const { family, statuses } = await sendSome(20);
    expect(statuses).toEqual(ALL_200);
    expect((await kept(family)).events).toBe(0);
    await site.superuser.query(mendIt);
    await site.superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'purser_service'",
    );
    await allThereOnce(family, 20);
  });

  test("F40: a table that somebody has locked is not waited for", async () => {
    const locker = await site.superuser.connect();
    await locker.query("begin");
    await locker.query("lock table inbox_events in access exclusive mode");
    const { family, statuses } = await sendSome(20);
    expect(statuses).toEqual(ALL_200);
    await locker.query("commit");
    locker.release();
    await allThereOnce(family, 20);
  });

  test("F39: an ear that starts while its database is away answers from what it knew, says it is alive and not ready", async () => {
    const port = intake.port;
    expect(await intake.stop("SIGTERM")).toBe(0);
    site.proxy.refuse();
    intake = await site.startPart("intake", port);
    const { family, statuses } = await sendSome(20);
    expect(statuses).toEqual(ALL_200);
    expect((await fetch(`${intake.base}/live`)).status).toBe(200);
    expect((await fetch(`${intake.base}/ready`)).status).toBe(503);
    site.proxy.heal();
    await allThereOnce(family, 20);
    await until(
      async () => (await fetch(`${intake.base}/ready`)).status,
      (status) => status === 200,
    );
  });

  test("F57: killed while its spool drains, the next one drains the rest, and nothing twice", async () => {
    site.proxy.refuse();
    const { family, statuses } = await sendSome(200);
    expect(new Set(statuses)).toEqual(new Set([200]));
    site.proxy.heal();
    await until(
      () => kept(family),
      ({ events }) => events > 0,
    );
    const port = intake.port;
    await intake.stop("SIGKILL");
    intake = await site.startPart("intake", port);
    await allThereOnce(family, 200);
  });
});

describe("several ears", () => {
  test("F22: the same events at two processes at once are there once", async () => {
    const second = await site.startPart("intake");
    const event = eventBody({
      id: "evt_twins",
      type: "quantum.entangled",
      created: nowSeconds(),
      object: { id: "q" },
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        deliver(n % 2 === 0 ? intake : second, site.tenant, event),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await kept("evt_twins")).toEqual({ events: 1, distinct: 1, conflicts: 0 });
    expect(await second.stop("SIGTERM")).toBe(0);
  });

  test("F48: a second process on one spool is refused and leaves the first alone", async () => {
    await expect(site.startPart("intake", intake.port)).rejects.toThrow(/ended with/);
    await allThereOnce((await sendSome(20)).family, 20);
  });

  test("F54: told to end under load, it answers what it has begun, loses nothing it acknowledged and ends with 0", async () => {
    const acknowledged: string[] = [];
    const broken: string[] = [];
    const senders = Array.from({ length: 16 }, async (_, sender) => {
      // Until one is refused: that is the end of the process.
      for (let n = 0; ; n += 1) {
        const id = `evt_term_${String(sender)}_${String(n)}`;
        const event = eventBody({
          id,
          type: "quantum.entangled",
          created: nowSeconds(),
          object: { id: "q" },
        });
        const status = await deliver(intake, site.tenant, event).then(
          (answer) => answer.status,
          (error: unknown) => String(error instanceof Error ? (error.cause ?? error) : error),
        );
        if (status === 200) {
          acknowledged.push(id);
        } else {
          broken.push(String(status));
          return;
        }
      }
    });
    await until(
      () => Promise.resolve(acknowledged.length),
      (count) => count > 200,
    );
    // The keep-alive of the senders' connections is 72 s: waiting for that would be no draining.
    const code = await Promise.race([intake.stop("SIGTERM"), pause(30_000, "still draining")]);
    expect(code).toBe(0);
    await Promise.all(senders);
    // After the end nobody listens; before it, every request got a whole answer.
    expect(
      broken.filter((why) => !/ECONNREFUSED|ECONNRESET|other side closed|503/.test(why)),
    ).toEqual([]);
    const { rows } = await site.superuser.query<{ external_id: string }>(
      "select external_id from inbox_events where external_id like 'evt_term_%'",
    );
    const there = new Set(rows.map((row) => row.external_id));
    expect(acknowledged.filter((id) => !there.has(id))).toEqual([]);
    intake = await site.startPart("intake", intake.port);
  });
});
