/** SQL that must return no rows. */
export const AUDIT_CHECKS = [
  {
    name: "audit.sealed_in_time",
    title: "Every line of the audit log is sealed within a minute",
    sql: `select e.id::text as id, 'waits for its seal since ' || e.recorded_at as what
            from audit_entries e, audit_sealer s
           where e.id > s.floor_id and e.recorded_at < clock_timestamp() - interval '1 minute'
             and (e.xid >= pg_snapshot_xmax(s.snapshot) or e.xid = any (array(select pg_snapshot_xip(s.snapshot))))
           order by e.id limit 100`,
  },
] as const;
