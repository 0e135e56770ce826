import type { Ctx } from "#platform/context.ts";
import { type QueueHandler, type Schedule, handleJob } from "#platform/queue/handlers.ts";

import { checkRecord } from "./jobs.ts";

/** A promise of a room about its own rows: SQL that must return none, else `id` of what is wrong and `what` in one sentence. */
export interface IntegrityCheck {
  /** `room.what_holds` */
  readonly name: string;
  readonly title: string;
  readonly sql: string;
}

export interface Broken {
  readonly check: IntegrityCheck;
  readonly rows: readonly { readonly id: string; readonly what: string }[];
}

/** Asks every check of one workspace; answers with those that found something. */
export async function brokenPromises(
  ctx: Pick<Ctx, "tx">,
  checks: readonly IntegrityCheck[],
): Promise<readonly Broken[]> {
  const broken: Broken[] = [];
  for (const check of checks) {
    const { rows } = await ctx.tx.client.query<{ id: string; what: string }>(check.sql);
    if (rows.length > 0) {
      broken.push({ check, rows });
    }
  }
  return broken;
}

const EXAMPLES = 5;

async function tell(ctx: Ctx, { check, rows }: Broken): Promise<void> {
  await ctx.audit({
    action: "integrity.violated",
    subject: { kind: "check", id: check.name },
    detail: { title: check.title, found: rows.length, examples: rows.slice(0, EXAMPLES) },
  });
}

export const WATCH_SCHEDULE: readonly Schedule[] = [
  { job: checkRecord.name, title: "Check the record against its promises", cron: "25 * * * *" },
];

/** The hourly check of every workspace; what it finds is on the job's line and in the audit log, and nothing is changed. */
export function watchWorkers(deps: {
  readonly workspaceIds: () => Promise<readonly number[]>;
  readonly checks: readonly IntegrityCheck[];
}): readonly QueueHandler[] {
  return [
    handleJob(checkRecord, async (unit) => {
      const found: Broken[] = [];
      for (const workspaceId of await deps.workspaceIds()) {
        const broken = await unit.runIn(workspaceId, async (ctx) => {
          const list = await brokenPromises(ctx, deps.checks);
          for (const each of list) {
            await tell(ctx, each);
          }
          return list;
        });
        found.push(...broken);
      }
      const words = found.map(({ check, rows }) => `${check.title}: ${rows.length} do not`);
      return {
        kind: "done",
        note: words.length === 0 ? `${deps.checks.length} promises hold` : words.join("; "),
      };
    }),
  ];
}
