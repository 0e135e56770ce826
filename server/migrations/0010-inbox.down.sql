drop view inbox_audit;
drop view webhook_events;
drop function inbox_tend;
drop function inbox_bodies;
drop function inbox_park;
drop function inbox_discover;
drop function inbox_finish;
drop function inbox_claim_due;
drop function inbox_claim;
drop function inbox_append;
drop table inbox_rates, inbox_nodes, inbox_controls, inbox_rejected, inbox_conflicts, inbox_duplicates, inbox_attempts, inbox_outcomes,
  inbox_waiting, inbox_keys, inbox_leases, inbox_work, inbox_events, inbox_segments, endpoint_secrets, endpoints;
drop sequence inbox_tokens;
drop sequence inbox_event_ids;
drop sequence inbox_segment_ids;
drop function inbox_fate;
drop function inbox_provider;
drop function purser_queue_table;
