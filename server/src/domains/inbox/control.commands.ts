import type { z } from "zod";

import type { Ctx } from "#platform/context.ts";

import type { inboxControlsList, inboxControlsSet } from "./contract.ts";
import { isInstallation } from "./installation.ts";
import { LANES, type Lane, type Provider, PROVIDERS } from "./ports.ts";

type Control = z.input<typeof inboxControlsSet.output>;
type Input = z.output<typeof inboxControlsSet.input>;

interface Row {
  readonly provider: number;
  readonly lane: number;
  readonly max_concurrency: number | null;
  readonly rate_per_s: number | null;
  readonly paused: boolean;
  readonly updated_at: Date;
  readonly updated_by: string;
}

const NAMES: readonly Provider[] = ["stripe", "paddle", "twilio"];

/** Every lane of every provider, also those that nobody ever touched. */
export async function listControls(ctx: Ctx): Promise<z.input<typeof inboxControlsList.output>> {
  const rows = await readRows(ctx);
  const isOurs = await isInstallation(ctx);
  return {
    items: NAMES.flatMap((provider) =>
      LANES.map((lane) => itemOf(provider, lane, isOurs ? rows : rows.map(unnamed))),
    ),
  };
}

export async function readControl(ctx: Ctx, provider: Provider, lane: Lane): Promise<Control> {
  return itemOf(provider, lane, await readRows(ctx));
}

/** A tenant sees that a valve is turned, not which person of the installation did it. */
function unnamed(row: Row): Row {
  return { ...row, updated_by: "the installation" };
}

async function readRows(ctx: Ctx): Promise<readonly Row[]> {
  return (
    await ctx.tx.client.query<Row>(
      "select provider, lane, max_concurrency, rate_per_s, paused, updated_at, updated_by from inbox_controls",
    )
  ).rows;
}

function itemOf(provider: Provider, lane: Lane, rows: readonly Row[]): Control {
  const row = rows.find((one) => one.provider === PROVIDERS[provider] && one.lane === lane);
  return {
    provider,
    lane,
    maxConcurrency: row?.max_concurrency ?? null,
    ratePerS: row?.rate_per_s ?? null,
    paused: row?.paused ?? false,
    updatedAt: row?.updated_at.toISOString() ?? null,
    updatedBy: row?.updated_by ?? null,
  };
}

/** What the valve will be: fields that are not given stay as they are. */
export function mergedControl(before: Control, input: Input): Control {
  return {
    ...before,
    maxConcurrency:
      input.maxConcurrency === undefined ? before.maxConcurrency : input.maxConcurrency,
    ratePerS: input.ratePerS === undefined ? before.ratePerS : input.ratePerS,
    paused: input.paused ?? before.paused,
  };
}

export async function writeControl(ctx: Ctx, before: Control, after: Control): Promise<Control> {
  const by =
    ctx.actor.kind === "staff" || ctx.actor.kind === "token" ? ctx.actor.name : ctx.actor.kind;
  await ctx.tx.client.query(
    `insert into inbox_controls (provider, lane, max_concurrency, rate_per_s, paused, updated_at, updated_by) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (provider, lane) do update set max_concurrency = excluded.max_concurrency, rate_per_s = excluded.rate_per_s,
       paused = excluded.paused, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    [
      PROVIDERS[after.provider],
      after.lane,
      after.maxConcurrency,
      after.ratePerS,
      after.paused,
      ctx.now,
      by,
    ],
  );
  await ctx.audit({
    action: "inbox.control_changed",
    subject: { kind: "inbox_control", id: `${after.provider}:${String(after.lane)}` },
    detail: {
      changes: {
        maxConcurrency: [before.maxConcurrency, after.maxConcurrency],
        ratePerS: [before.ratePerS, after.ratePerS],
        paused: [before.paused, after.paused],
      },
    },
  });
  await ctx.tx.client.query("select pg_notify('purser_inbox', 'work')");
  return { ...after, updatedAt: ctx.now.toISOString(), updatedBy: by };
}
