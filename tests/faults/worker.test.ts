import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { call, deliver, openWiredHouse, settled, until, type WiredHouse } from "../kit/house.ts";
import { type Story, storyOf } from "../kit/story.ts";

let house: WiredHouse;
beforeAll(async () => {
  house = await openWiredHouse();
});
afterAll(async () => {
  await house.stop();
});

async function tell(story: Story): Promise<void> {
  for (const event of story.events) {
    expect((await deliver(house, house.alder, event)).status).toBe(200);
  }
}

/** How many events of the story ended as applied. */
async function applied(word: string): Promise<number> {
  const { rows } = await house.superuser.query<{ n: number }>(
    `select count(*)::int as n from inbox_events e join inbox_outcomes o on o.event_id = e.id
      where e.external_id like $1 and inbox_fate(o.fate) = 'applied'`,
    [`evt_%_${word}%`],
  );
  return rows[0]?.n ?? 0;
}

async function allApplied(word: string, count: number): Promise<void> {
  await until(
    () => applied(word),
    (n) => n === count,
  );
}

async function recordOf(word: string): Promise<unknown> {
  const { rows } = await house.superuser.query(
    `select (select jsonb_agg(to_jsonb(t) - '{updated_at,synced_at}'::text[] order by t.id) from subscriptions t where t.stripe_subscription_id like $1) as subscriptions,
            (select jsonb_agg(to_jsonb(t) - '{updated_at,synced_at}'::text[] order by t.id) from invoices t where t.stripe_invoice_id like $1) as invoices,
            (select jsonb_agg(to_jsonb(t) - '{updated_at,synced_at}'::text[] order by t.id) from refunds t where t.stripe_refund_id like $1) as refunds,
            (select count(*)::int from subscription_events t where t.stripe_event_id like $1) as told`,
    [`%_${word}%`],
  );
  return rows[0];
}

describe("the worker on bad days", () => {
  test("F24: a duplicate that comes after its ledger entry is gone changes nothing", async () => {
    const story = storyOf("Late", 1);
    await tell(story);
    await allApplied("Late", story.events.length);
    const before = await recordOf("Late");
    // As retention does after ninety days.
    await house.superuser.query(
      "delete from inbox_outcomes o using inbox_events e where e.id = o.event_id and e.external_id like 'evt_%_Late%'",
    );
    await house.superuser.query("delete from inbox_events where external_id like 'evt_%_Late%'");
    await tell(story);
    await settled(house);
    expect(await recordOf("Late")).toEqual(before);
  });

  test.each([
    ["a deadlock (40P01)", "40P01"],
    ["a serialization failure (40001)", "40001"],
  ])(
    "F41: %s in the middle of a batch is tried again and nobody hears of it",
    async (_name, code) => {
      const word = `Clash${code}`;
      // A sequence is not rolled back, so that the third try finds the trouble over.
      await house.superuser.query(`
      create sequence clash_${code.toLowerCase()};
      create function clash_${code.toLowerCase()}() returns trigger language plpgsql security definer as $$
      begin
        if nextval('public.clash_${code.toLowerCase()}') <= 2 then
          raise exception 'clash' using errcode = '${code}';
        end if;
        return null;
      end $$;
      create trigger clash after insert on invoices execute function clash_${code.toLowerCase()}()`);
      const story = storyOf(word, 1);
      await tell(story);
      await allApplied(word, story.events.length);
      await house.superuser.query("drop trigger clash on invoices");
      const { rows } = await house.superuser.query<{ n: string }>(
        `select last_value as n from clash_${code.toLowerCase()}`,
      );
      expect(Number(rows[0]?.n)).toBeGreaterThanOrEqual(3);
      const attempts = await house.superuser.query(
        "select from inbox_attempts a join inbox_events e on e.id = a.event_id where e.external_id like $1",
        [`evt_%_${word}%`],
      );
      expect(attempts.rowCount).toBe(0);
    },
  );

  test("F42: reports that hold every connection of the desk do not reach the ear", async () => {
    const locker = new pg.Client({ connectionString: house.database.ownerUrl });
    await locker.connect();
    await locker.query("begin");
    await locker.query("lock table organizations in access exclusive mode");
    const reports = Array.from({ length: 40 }, () =>
      call(house, house.alder.tokens.viewer, { path: "/customers" }),
    );
    await until(
      async () =>
        (
          await house.superuser.query<{ n: number }>(
            "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and query like '%organizations%'",
          )
        ).rows[0]?.n ?? 0,
      (waiting) => waiting >= 10,
    );
    const heard = await Promise.all(
      storyOf("Busy", 1).events.map((event) => deliver(house, house.alder, event)),
    );
    expect(new Set(heard.map(({ status }) => status))).toEqual(new Set([200]));
    const { rows } = await house.superuser.query<{ n: number }>(
      "select count(*)::int as n from inbox_events where external_id like 'evt_%_Busy%'",
    );
    expect(rows[0]?.n).toBe(8);
    await locker.query("rollback");
    await locker.end();
    const answers = await Promise.all(reports);
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    await allApplied("Busy", 8);
  });

  test("F43: a transaction that is left open keeps nobody from working", async () => {
    const forgotten = new pg.Client({ connectionString: house.database.ownerUrl });
    await forgotten.connect();
    await forgotten.query("begin isolation level repeatable read");
    await forgotten.query("select count(*) from workspaces");
    const stories = Array.from({ length: 5 }, (_, n) => storyOf("Open", n));
    for (const story of stories) {
      await tell(story);
    }
    await allApplied(
      "Open",
      stories.reduce((sum, story) => sum + story.events.length, 0),
    );
    expect(await applied("Open")).toBe(40);
    await forgotten.query("rollback");
    await forgotten.end();
  });
});
