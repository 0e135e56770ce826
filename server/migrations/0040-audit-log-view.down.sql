drop trigger if exists out_of_band on endpoints;
drop trigger if exists out_of_band on endpoint_secrets;
drop trigger if exists out_of_band on inbox_controls;
drop trigger if exists out_of_band on inbox_outcomes;
drop trigger if exists out_of_band on inbox_work;
drop index inbox_segments_xid;
alter table inbox_segments drop column xid;
create or replace view audit_log with (security_invoker = true) as
  select id::text as id, workspace_id, action,
         actor_name as actor, actor_kind, actor_id,
         subject_id as subject, subject_kind, organization_id,
         detail as details, request_id, ticket, at as created_at
    from audit_entries;
