import type { Bench } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { loadVolley } from "../kit/load.ts";
import { type Intake, SEEDED, startIntake } from "../kit/product.ts";
import type { LoadResult } from "../load/protocol.ts";

const STORED: Bar = { must: 0.8, aim: 0.95, better: "more", unit: " x" };
const STORM: Bar = { must: 1, aim: 2, better: "more", unit: " x" };

/** Ledger rows of events long gone, as ninety days of traffic leave them; their bodies' segments would not be read. */
async function store(bench: Bench, from: number, to: number): Promise<void> {
  const step = 500_000;
  for (let at = from; at < to; at += step) {
    await bench.sql(
      `insert into inbox_events (id, segment_id, occurred_at, received_at, workspace_id, endpoint_id, body_offset, body_length,
         provider, lane, secret_no, fingerprint, external_id, event_type, okey, api_version)
       select nextval('inbox_event_ids'), 0, t.at, t.at, e.workspace_id, e.id, 0, 3000, 1, 1, 0,
              decode(md5(n::text), 'hex'), 'evt_0' || lpad((n / 1000)::text, 7, '0') || 'Bench' || substr(md5(n::text), 1, 10),
              'invoice.paid', 'stripe:cus_bench' || lpad((n % 2000)::text, 9, '0'), '2026-10-28.endive'
         from generate_series($1::bigint, $2::bigint - 1) as n,
              lateral (select now() - interval '80 days' + n * interval '0.5 second' as at) as t,
              (select id, workspace_id from endpoints where provider = 'stripe' order by is_default desc, id limit 1) as e`,
      [at, Math.min(to, at + step)],
    );
  }
  await bench.sql("vacuum (analyze) inbox_events");
  await bench.checkpoint();
}

async function count(bench: Bench): Promise<number> {
  const rows = await bench.sql<{ events: number }>(
    "select count(*)::float8 as events from inbox_events",
  );
  return rows[0]?.events ?? 0;
}

/** Row 9. */
export async function measureStored(bench: Bench): Promise<readonly Figure[]> {
  await bench.freshPurser();
  const intake: Intake = await startIntake(bench);
  const seconds = bench.pick(2, 4, 6);
  const rounds = bench.pick(2, 3, 5);
  let at = SEEDED;
  const volley = async (from: number, to: number): Promise<LoadResult> => {
    const loaded = await loadVolley(intake, {
      connections: 256,
      story: bench.story,
      from,
      to,
      seconds,
      warmupS: 0.4,
    });
    await bench.checkpoint();
    return loaded.fire();
  };
  const fresh = async (): Promise<LoadResult> => {
    const result = await volley(at, at + seconds * 22_000);
    at += result.sent;
    return result;
  };
  await fresh(); // warms the process
  const rates = async (): Promise<number[]> => {
    const found: number[] = [];
    for (let turn = 0; turn < rounds; turn += 1) {
      found.push((await fresh()).perSecond);
    }
    return found;
  };
  const empty = await rates();
  const lines: Figure[] = [
    told("9", "intake with (nearly) nothing stored", `${showSpread(spreadOf(empty))}/s`),
  ];
  let stored = 0;
  for (const size of bench.pick([200_000], [1_000_000], [1_000_000, 10_000_000])) {
    bench.say(`  storing ${short(size)} events ...`);
    await store(bench, stored, size);
    stored = size;
    const full = await rates();
    const base = spreadOf(empty).median;
    bench.say(
      `  ${short(base)}/s with nothing, ${short(spreadOf(full).median)}/s with ${short(size)} stored`,
    );
    lines.push(
      figure(
        {
          row: "9",
          work: `intake with ${short(size)} events stored`,
          beside: "itself with nothing stored",
        },
        spreadOf(full.map((value) => value / base)),
        STORED,
      ),
    );
  }
  const storms: number[] = [];
  let grown = 0;
  for (let turn = 0; turn < rounds; turn += 1) {
    const from = at;
    const once = await fresh();
    const before = await count(bench);
    // What has been answered is sent again: twice the time would only repeat the storm.
    const again = await volley(from, from + Math.max(1, once.sent));
    grown += (await count(bench)) - before - (once.sent - once.acked);
    storms.push(again.perSecond / once.perSecond);
    bench.say(`  fresh ${short(once.perSecond)}/s, duplicates only ${short(again.perSecond)}/s`);
  }
  await intake.stop();
  lines.push(
    figure(
      { row: "9", work: "a storm of duplicates only", beside: "itself with fresh events" },
      spreadOf(storms),
      STORM,
    ),
    {
      ...told("9", "events that the storm added", String(Math.max(0, grown))),
      must: "0",
      verdict: grown <= 0 ? "aim" : "missed",
    },
  );
  return lines;
}
