import type { Bench } from "./bench.ts";

/**
 * Rows of events long gone, as ninety days of traffic leave them, worked off: numbers `from` up to
 * and without `to`. Their segments would not be read and are left out.
 */
export async function storeOldEvents(bench: Bench, from: number, to: number): Promise<void> {
  const step = 500_000;
  for (let at = from; at < to; at += step) {
    await bench.sql(
      `with e as (
         insert into inbox_events (id, segment_id, occurred_at, received_at, workspace_id, endpoint_id, body_offset, body_length,
           provider, lane, secret_no, fingerprint, external_id, event_type, okey, api_version)
         select nextval('inbox_event_ids'), 0, t.at, t.at, e.workspace_id, e.id, 0, 3000, 1, 1, 0,
                decode(md5(n::text), 'hex'), 'evt_0' || lpad((n / 1000)::text, 7, '0') || 'Bench' || substr(md5(n::text), 1, 10),
                case n % 4 when 0 then 'invoice.paid' when 1 then 'invoice.created' when 2 then 'invoice.finalized'
                           else 'customer.subscription.updated' end,
                'stripe:cus_bench' || lpad((n % 2000)::text, 9, '0'), '2026-10-28.endive'
           from generate_series($1::bigint, $2::bigint - 1) as n,
                lateral (select now() - interval '80 days' + n * interval '0.5 second' as at) as t,
                (select id, workspace_id from endpoints where provider = 'stripe' order by is_default desc, id limit 1) as e
         returning id, received_at, workspace_id)
       insert into inbox_outcomes (event_id, at, workspace_id, fate, attempts)
       select id, received_at + interval '20 milliseconds', workspace_id, 1, 0 from e`,
      [at, Math.min(to, at + step)],
    );
  }
  await bench.sql("vacuum (analyze) inbox_events");
  await bench.sql("vacuum (analyze) inbox_outcomes");
  await bench.checkpoint();
}
