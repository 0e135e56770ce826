import type { z } from "zod";

import { addMs } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";

import type { inboxBacklog, inboxWait } from "./contract.ts";
import { isInstallation } from "./installation.ts";
import { LANES, providerOf } from "./ports.ts";

const RATE_WINDOW_MS = 60_000;
const NODE_GONE_MS = 15_000;
const ALIVE = "seen_at > $1";

interface WorkRow {
  readonly lane: number;
  readonly provider: number;
  readonly ready: number;
  readonly retrying: number;
  readonly waiting: number;
  readonly held: number;
  readonly oldest: Date | null;
}

interface RateRow {
  readonly lane: number;
  readonly provider: number;
  readonly arrived: number;
  readonly settled: number;
}

type Backlog = z.input<typeof inboxBacklog.output>;

export async function readBacklog(ctx: Ctx): Promise<Backlog> {
  const { client } = ctx.tx;
  const work = await client.query<WorkRow>(
    `select w.*, e.received_at as oldest from (
       select lane, provider, count(*) filter (where state = 0) as ready, count(*) filter (where state = 1) as retrying,
         count(*) filter (where state = 3) as waiting, count(*) filter (where state = 2) as held,
         min(event_id) filter (where state < 2 and not replay) as first_id
       from inbox_work where workspace_id = $1 group by lane, provider) w
     left join inbox_events e on e.id = w.first_id`,
    [ctx.workspace.id],
  );
  const rates = await client.query<{
    lane: number;
    provider: number;
    arrived: number;
    settled: number;
  }>(
    `select lane, provider, sum(arrived)::int as arrived, sum(settled)::int as settled from inbox_rates
     where workspace_id = $2 and minute >= date_trunc('minute', $1::timestamptz) group by lane, provider`,
    [addMs(ctx.now, -RATE_WINDOW_MS), ctx.workspace.id],
  );
  const nodes = await client.query<{
    id: string;
    kind: string;
    seen_at: Date;
    spooled: number;
    breaker: string;
    note: string | null;
  }>(
    `select id, kind, seen_at, spooled, breaker, note from inbox_nodes where ${ALIVE} order by id`,
    [addMs(ctx.now, -NODE_GONE_MS)],
  );
  const isOurs = await isInstallation(ctx);
  const failed = await client.query<{ failed: number; keys: number }>(
    `select (select count(*) from inbox_outcomes where workspace_id = $1 and fate in (4, 5) and at > $2) as failed,
            (select count(*) from inbox_keys where workspace_id = $1 and token is null) as keys`,
    [ctx.workspace.id, addMs(ctx.now, -3_600_000)],
  );
  // The running minute is part of the window.
  const seconds = RATE_WINDOW_MS / 1000 + (ctx.now.getTime() % RATE_WINDOW_MS) / 1000;
  const rows = rowsOf(ctx.now, work.rows, rates.rows, seconds);
  const depth = sum(rows, (row) => row.ready + row.retrying);
  const arrivalPerS = sum(rows, (row) => row.arrivalPerS);
  const servicePerS = sum(rows, (row) => row.servicePerS);
  return {
    at: ctx.now.toISOString(),
    depth,
    held: sum(rows, (row) => row.held),
    oldestAgeS: rows.reduce<number | null>(
      (oldest, row) => (row.oldestAgeS === null ? oldest : Math.max(oldest ?? 0, row.oldestAgeS)),
      null,
    ),
    arrivalPerS,
    servicePerS,
    etaS: eta(depth, arrivalPerS, servicePerS),
    failedLastHour: failed.rows[0]?.failed ?? 0,
    troubledKeys: failed.rows[0]?.keys ?? 0,
    workers: nodes.rows
      .filter((node) => node.kind === "worker")
      .map((node, index) => ({
        id: isOurs ? node.id : `worker ${String(index + 1)}`,
        seenAt: node.seen_at.toISOString(),
        note: isOurs ? node.note : null,
      })),
    intakes: nodes.rows
      .filter((node) => node.kind === "intake")
      .map((node, index) => ({
        id: isOurs ? node.id : `intake ${String(index + 1)}`,
        seenAt: node.seen_at.toISOString(),
        spooled: node.spooled,
        breaker: node.breaker,
      })),
    rows,
  };
}

function rowsOf(
  now: Date,
  work: readonly WorkRow[],
  rates: readonly RateRow[],
  seconds: number,
): Backlog["rows"] {
  const codes = new Set([...work, ...rates].map((row) => row.lane + row.provider * 16));
  return [...codes]
    .toSorted((a, b) => (a % 16) - (b % 16) || a - b)
    .map((code) => rowOf({ now, code, work, rates, seconds }));
}

function rowOf(from: {
  readonly now: Date;
  readonly code: number;
  readonly work: readonly WorkRow[];
  readonly rates: readonly RateRow[];
  readonly seconds: number;
}): Backlog["rows"][number] {
  const lane = LANES.find((known) => known === from.code % 16) ?? 5;
  const provider = Math.floor(from.code / 16);
  const here = (row: { readonly lane: number; readonly provider: number }): boolean =>
    row.lane === lane && row.provider === provider;
  const waits = from.work.find(here) ?? NO_WORK;
  const rate = from.rates.find(here) ?? { arrived: 0, settled: 0 };
  const arrivalPerS = round(rate.arrived / from.seconds);
  const servicePerS = round(rate.settled / from.seconds);
  return {
    lane,
    provider: providerOf(provider),
    ready: waits.ready,
    retrying: waits.retrying,
    waiting: waits.waiting,
    held: waits.held,
    oldestAgeS:
      waits.oldest === null
        ? null
        : Math.max(0, (from.now.getTime() - waits.oldest.getTime()) / 1000),
    arrivalPerS,
    servicePerS,
    etaS: eta(waits.ready + waits.retrying, arrivalPerS, servicePerS),
  };
}

const NO_WORK: Pick<WorkRow, "ready" | "retrying" | "waiting" | "held" | "oldest"> = {
  ready: 0,
  retrying: 0,
  waiting: 0,
  held: 0,
  oldest: null,
};

function eta(depth: number, arrivalPerS: number, servicePerS: number): number | null {
  return depth === 0 || servicePerS <= arrivalPerS
    ? null
    : Math.ceil(depth / (servicePerS - arrivalPerS));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

export async function readWait(
  ctx: Ctx,
  externalId: string | undefined,
): Promise<z.input<typeof inboxWait.output>> {
  const result = await ctx.tx.client.query<{ pending: number; waiting: number; held: number }>(
    `select count(*) filter (where w.state < 2) as pending, count(*) filter (where w.state = 3) as waiting, count(*) filter (where w.state = 2) as held
     from inbox_work w where w.workspace_id = $1 and ($2::text is null or w.event_id in (
       select e.id from inbox_events e where e.endpoint_id in (select id from endpoints) and e.external_id = $2))`,
    [ctx.workspace.id, externalId ?? null],
  );
  const row = result.rows[0] ?? { pending: 0, waiting: 0, held: 0 };
  return { ...row, done: row.pending === 0 };
}
