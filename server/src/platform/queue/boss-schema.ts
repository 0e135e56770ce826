import { getConstructionPlans } from "pg-boss";

/** The statements that frame the plan's own transaction and its lock; the migration runner has both. */
const FRAME = /^\s*(BEGIN;|COMMIT;|SET LOCAL [^;]+;|SELECT pg_advisory_xact_lock\([^\n]*\);)\s*$/gm;

/**
 * The tables and functions of the pg-boss that is installed, as its own plan for an empty schema. Made
 * by a migration and not by pg-boss at start, so that the role that works jobs off owns nothing.
 */
export function bossSchemaSql(): string {
  return getConstructionPlans("pgboss").replaceAll(FRAME, "");
}
