import { listEntries } from "#domains/audit/queries.ts";
import { listJobs } from "#domains/jobs/queries.ts";
import { addMs } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";

import type { FailureFigures, Figures, HurtFigures, LaneFigures, NodeFigures } from "./model.ts";
import type { ChangeLine, Series, SwitchLine, WatchSources } from "./ports.ts";

const MINUTE_MS = 60_000;
/** Rates are taken over this much of the past. */
const RATE_MINUTES = 5;
/** Work rows looked at to count customers: a million would take a second and change no word. */
const HURT_SAMPLE = 50_000;
const HURT_AFTER_S = 60;
const NODE_ALIVE_MS = 30_000;
const CHANGES_READ = 500;

async function rows<Row extends object>(ctx: Ctx, text: string, values: unknown[]): Promise<Row[]> {
  // Every hand-written statement below names its columns as its Row does.
  const result = await ctx.tx.client.query<Row>(text, values);
  return result.rows;
}

async function lanes(ctx: Ctx, valves: readonly SwitchLine[]): Promise<readonly LaneFigures[]> {
  const waiting = await rows<{
    lane: number;
    waiting: number;
    parked: number;
    oldest: Date | null;
  }>(
    ctx,
    `select w.lane, w.waiting, w.parked, e.received_at as oldest
       from (select lane, count(*) filter (where state = 0) as waiting, count(*) filter (where state in (1, 3)) as parked,
                    min(event_id) filter (where state = 0) as first_id
               from inbox_work where workspace_id = $1 and state <> 2 group by lane) as w
       left join inbox_events e on e.id = w.first_id`,
    [ctx.workspace.id],
  );
  const rates = await rows<{ lane: number; arrived: number; settled: number }>(
    ctx,
    "select lane, sum(arrived)::int as arrived, sum(settled)::int as settled from inbox_rates where workspace_id = $2 and minute >= $1 group by lane",
    [addMs(ctx.now, -RATE_MINUTES * MINUTE_MS), ctx.workspace.id],
  );
  const names = new Set([0, 1, 5, 9, ...waiting.map((row) => row.lane)]);
  return [...names]
    .toSorted((left, right) => left - right)
    .map((lane): LaneFigures => {
      const found = waiting.find((row) => row.lane === lane);
      const rate = rates.find((row) => row.lane === lane);
      return {
        lane,
        waiting: found?.waiting ?? 0,
        parked: found?.parked ?? 0,
        oldestReceivedAt: found?.oldest ?? null,
        arrivedPerMinute: (rate?.arrived ?? 0) / RATE_MINUTES,
        servedPerMinute: (rate?.settled ?? 0) / RATE_MINUTES,
        pausedBy: valves
          .filter((each) => each.lane === lane && each.paused)
          .map((each) => ({
            provider: each.provider,
            by: each.setBy,
            at: each.setAt,
            mayTurn: each.mayTurn,
          })),
      };
    });
}

interface InboxCounts {
  readonly received: number;
  readonly finished: number;
  readonly quarantined: number;
  readonly dead: number;
  readonly first_failure: Date | null;
  readonly refused: number;
  readonly conflicts: number;
  readonly first_conflict: Date | null;
}

async function failures(ctx: Ctx, windowMinutes: number): Promise<FailureFigures> {
  const since = addMs(ctx.now, -windowMinutes * MINUTE_MS);
  const [inbox] = await rows<InboxCounts>(
    ctx,
    `select coalesce((select sum(events)::int from inbox_segments where at >= $2 and workspace_id = $1), 0) as received,
            (select count(*) from inbox_outcomes where at >= $2 and workspace_id = $1) as finished,
            f.quarantined, f.dead, f.first_failure,
            coalesce((select sum(count)::int from inbox_rejected where at >= $2 and workspace_id = $1), 0) as refused,
            c.conflicts, c.first_conflict
       from (select count(*) filter (where fate = 4) as quarantined, count(*) filter (where fate = 5) as dead, min(at) as first_failure
               from inbox_outcomes where workspace_id = $1 and at >= $2 and fate in (4, 5)) as f
      cross join (select count(*) as conflicts, min(received_at) as first_conflict
               from inbox_conflicts where workspace_id = $1 and received_at >= $2) as c`,
    [ctx.workspace.id, since],
  );
  const [money] = await rows<{ paid: number; failed: number; first: Date | null }>(
    ctx,
    `select count(*) filter (where event_type = 'invoice.paid') as paid,
            count(*) filter (where event_type = 'invoice.payment_failed') as failed,
            min(created_at) filter (where event_type = 'invoice.payment_failed') as first
       from subscription_events
      where workspace_id = $1 and created_at >= $2 and event_type in ('invoice.paid', 'invoice.payment_failed')`,
    [ctx.workspace.id, since],
  );
  if (inbox === undefined || money === undefined) {
    throw new Error("Counts came back without a row.");
  }
  return {
    windowMinutes,
    received: inbox.received,
    finished: inbox.finished,
    quarantined: inbox.quarantined,
    dead: inbox.dead,
    firstFailureAt: inbox.first_failure,
    refusedSignatures: inbox.refused,
    paymentsPaid: money.paid,
    paymentFailures: money.failed,
    firstPaymentFailureAt: money.first,
    conflicts: inbox.conflicts,
    firstConflictAt: inbox.first_conflict,
  };
}

async function hurt(ctx: Ctx, windowMinutes: number): Promise<HurtFigures> {
  const [found] = await rows<HurtFigures>(
    ctx,
    // A replay waits for nobody: its event has had its end, and where that was a failure it is counted as one.
    `with concerned as (
       (select w.okey, e.received_at from inbox_work w join inbox_events e on e.id = w.event_id
         where w.workspace_id = $1 and w.state in (0, 1, 3) and not w.replay and e.received_at < $2 limit $4)
       union all
       (select e.okey, e.received_at from inbox_outcomes o join inbox_events e on e.id = o.event_id
         where o.workspace_id = $1 and o.at >= $3 and o.fate in (4, 5) limit $4)
     )
     select count(distinct okey) filter (where okey like 'stripe:cus\\_%') as customers, count(*) as events,
            min(received_at) as since from concerned`,
    [
      ctx.workspace.id,
      addMs(ctx.now, -HURT_AFTER_S * 1_000),
      addMs(ctx.now, -windowMinutes * MINUTE_MS),
      HURT_SAMPLE,
    ],
  );
  return found ?? { customers: 0, events: 0, since: null };
}

async function nodes(ctx: Ctx): Promise<NodeFigures> {
  const [found] = await rows<{ seen: number; last: Date | null; spooled: number; damaged: number }>(
    ctx,
    `select count(*) filter (where kind = 'worker' and seen_at >= $1) as seen,
            max(seen_at) filter (where kind = 'worker') as last,
            coalesce(sum(spooled) filter (where kind = 'intake'), 0)::int8 as spooled,
            coalesce(sum(damaged), 0)::int8 as damaged
       from inbox_nodes`,
    [addMs(ctx.now, -NODE_ALIVE_MS)],
  );
  return {
    workersSeen: found?.seen ?? 0,
    lastWorkerAt: found?.last ?? null,
    spooled: found?.spooled ?? 0,
    damaged: found?.damaged ?? 0,
  };
}

async function switches(ctx: Ctx): Promise<readonly SwitchLine[]> {
  const found = await rows<{
    provider: string;
    lane: number;
    paused: boolean;
    max_concurrency: number | null;
    rate_per_s: number | null;
    updated_by: string;
    updated_at: Date;
    may_turn: boolean;
  }>(
    ctx,
    // Who of the installation turned a valve is no tenant's business.
    `select inbox_provider(provider) as provider, lane, paused, max_concurrency, rate_per_s, updated_at,
            case when w.is_default then updated_by else 'The installation' end as updated_by, w.is_default as may_turn
       from inbox_controls cross join (select is_default from workspaces where id = $1) as w
      order by paused desc, lane, provider`,
    [ctx.workspace.id],
  );
  return found.map((row) => ({
    provider: row.provider,
    lane: row.lane,
    paused: row.paused,
    maxConcurrency: row.max_concurrency,
    ratePerS: row.rate_per_s,
    setBy: row.updated_by,
    setAt: row.updated_at,
    mayTurn: row.may_turn,
  }));
}

async function figures(ctx: Ctx, windowMinutes: number): Promise<Figures> {
  const valves = await switches(ctx);
  const jobs = await listJobs(ctx.tx, ctx.now);
  const [last] = await rows<{ at: Date | null }>(
    ctx,
    "select max(at) as at from inbox_outcomes where workspace_id = $1 and at >= $2 and fate = 1",
    [ctx.workspace.id, addMs(ctx.now, -windowMinutes * MINUTE_MS)],
  );
  return {
    lanes: await lanes(ctx, valves),
    failures: await failures(ctx, windowMinutes),
    nodes: await nodes(ctx),
    hurt: await hurt(ctx, windowMinutes),
    deadJobs: jobs.items.reduce((sum, job) => sum + job.dead, 0),
    lastAppliedAt: last?.at ?? null,
  };
}

async function series(ctx: Ctx, minutes: number): Promise<Series> {
  const thisMinute = Math.floor(ctx.now.getTime() / MINUTE_MS) * MINUTE_MS;
  const startsAt = addMs(ctx.now, thisMinute - (minutes - 1) * MINUTE_MS - ctx.now.getTime());
  const found = await rows<{ kind: string; minute: Date; n: number }>(
    ctx,
    `select 'arrival' as kind, date_trunc('minute', at) as minute, sum(events)::int as n
       from inbox_segments where workspace_id = $1 and at >= $2 group by 2
     union all
     select 'failure', date_trunc('minute', at), count(*)
       from inbox_outcomes where workspace_id = $1 and at >= $2 and fate in (4, 5) group by 2
     union all
     select 'payment', date_trunc('minute', created_at), count(*)
       from subscription_events where workspace_id = $1 and created_at >= $2 and event_type = 'invoice.payment_failed' group by 2`,
    [ctx.workspace.id, startsAt],
  );
  const line = (kind: string): number[] => {
    const byMinute = new Map(
      found.filter((row) => row.kind === kind).map((row) => [row.minute.getTime(), row.n]),
    );
    return Array.from(
      { length: minutes },
      (_, index) => byMinute.get(startsAt.getTime() + index * MINUTE_MS) ?? 0,
    );
  };
  return {
    startsAt,
    arrivals: line("arrival"),
    failures: line("failure"),
    paymentFailures: line("payment"),
  };
}

/** Coming and going changes nothing. */
const NO_CHANGE = /^(staff\.(signed_in|signed_out|sign_in_failed)|token\.used)$/u;

/** What people changed; what the house and the providers do by themselves is not news here. */
async function changes(ctx: Ctx, since: Date): Promise<readonly ChangeLine[]> {
  const { items } = await listEntries(ctx.tx, ctx.workspace.id, {
    limit: CHANGES_READ,
    since: since.toISOString(),
  });
  return items
    .filter(
      ({ actor, action }) =>
        ["staff", "token", "operator"].includes(actor.kind) && !NO_CHANGE.test(action),
    )
    .map((item) => ({
      id: item.id,
      at: item.at,
      actor: item.actor.name,
      action: item.action,
      subject: item.subject,
    }));
}

/** The sources as they lie in the database, read within the caller's transaction and workspace. */
export const databaseSources: WatchSources = {
  figures,
  series,
  changes,
  switches,
  jobs: async (ctx) => (await listJobs(ctx.tx, ctx.now)).items,
};
