import type { Pool } from "pg";

import { addHours, type Clock } from "#platform/clock.ts";
import { inTx } from "#platform/db/tx.ts";

import type { HealthCheck } from "./ports.ts";
import { counted, secondsSince, span } from "./today.core.ts";

const WORKER_SILENT_S = 30;
const SEAL_LATE_S = 60;

/** Postgres answers and can be written. */
export function databaseCheck(pool: Pool): HealthCheck {
  return {
    name: "database",
    required: true,
    run: async () => {
      const found = await pool.query<{ replica: boolean; read_only: string; version: string }>(
        "select pg_is_in_recovery() as replica, current_setting('transaction_read_only') as read_only, current_setting('server_version') as version",
      );
      const row = found.rows[0];
      return row?.replica === true || row?.read_only === "on"
        ? { level: "warn", sentence: "Postgres answers but takes no writes" }
        : { level: "ok", sentence: `Postgres ${row?.version ?? ""} answers` };
    },
  };
}

/** Workers are heard of, and intakes keep nothing on their own disks. */
export function nodesCheck(pool: Pool, clock: Clock): HealthCheck {
  return {
    name: "inbox",
    required: false,
    run: async () => {
      const found = await pool.query<{
        last: Date | null;
        spooled: number;
        open: number;
        damaged: number;
      }>(
        `select max(seen_at) filter (where kind = 'worker') as last,
                coalesce(sum(spooled) filter (where kind = 'intake'), 0)::int8 as spooled,
                coalesce(sum(damaged), 0)::int8 as damaged,
                count(*) filter (where kind = 'intake' and breaker <> 'closed') as open
           from inbox_nodes`,
      );
      const row = found.rows[0];
      const damaged = row?.damaged ?? 0;
      if (damaged > 0) {
        return {
          level: "fail",
          sentence: `${counted(damaged, "damaged file is", "damaged files are")} kept on an intake's disk; acknowledged events may be in them`,
        };
      }
      const last = row?.last ?? null;
      if (last === null) {
        return { level: "warn", sentence: "No worker has run yet" };
      }
      const silentS = secondsSince(last, clock.now());
      if (silentS > WORKER_SILENT_S) {
        return { level: "fail", sentence: `No worker has been heard of for ${span(silentS)}` };
      }
      const spooled = row?.spooled ?? 0;
      return spooled > 0 || (row?.open ?? 0) > 0
        ? { level: "warn", sentence: `${counted(spooled, "event is", "events are")} kept on disk` }
        : { level: "ok", sentence: "Workers run and nothing is kept on disk" };
    },
  };
}

/** No event came twice under one id with different contents, in any workspace, within the hour. */
export function conflictsCheck(pool: Pool, clock: Clock): HealthCheck {
  return {
    name: "conflicts",
    required: false,
    run: async () => {
      const workspaces = await pool.query<{ id: number }>("select id from workspaces");
      const scope = workspaces.rows.map((row) => row.id);
      if (scope.length === 0) {
        return { level: "ok", sentence: "No workspace yet" };
      }
      const found = await inTx(pool, scope, (tx) =>
        tx.client.query<{ n: number }>(
          "select count(*) as n from inbox_conflicts where received_at >= $1",
          [addHours(clock.now(), -1)],
        ),
      );
      const n = found.rows[0]?.n ?? 0;
      return n > 0
        ? {
            level: "warn",
            sentence: `${counted(n, "event", "events")} came again under a known id with other contents within the hour`,
          }
        : { level: "ok", sentence: "No event came twice with different contents" };
    },
  };
}

/** The audit log is sealed in time. */
export function sealCheck(pool: Pool, clock: Clock): HealthCheck {
  return {
    name: "audit",
    required: false,
    run: async () => {
      const found = await pool.query<{ passed_at: Date | null }>(
        "select passed_at from audit_sealer",
      );
      const passedAt = found.rows[0]?.passed_at ?? null;
      if (passedAt === null) {
        return { level: "warn", sentence: "The audit log has not been sealed yet" };
      }
      const lateS = secondsSince(passedAt, clock.now());
      return lateS > SEAL_LATE_S
        ? { level: "warn", sentence: `The audit log was last sealed ${span(lateS)} ago` }
        : { level: "ok", sentence: "The audit log is sealed up to the last minute" };
    },
  };
}
