-- safe online
-- The audit log once the inbox exists: its lines about webhooks lie in the inbox and are only shown here; the digests of
-- its segments are sealed with the log.

create or replace view audit_log with (security_invoker = true) as
  select id::text as id, workspace_id, action,
         actor_name as actor, actor_kind, actor_id,
         subject_id as subject, subject_kind, organization_id,
         detail as details, request_id, ticket, at as created_at
    from audit_entries
  union all
  select action || ':' || event_id, workspace_id, action,
         'webhook', 'provider', 'webhook',
         coalesce(external_id, event_id::text) collate "default", 'event', null,
         jsonb_strip_nulls(jsonb_build_object('eventId', event_id::text, 'note', detail)), null, null, at
    from inbox_audit;

-- The sealer tells by it what has committed since its last pass. The default is the inserting transaction's own id.
alter table inbox_segments add column xid xid8 not null default pg_current_xact_id();
create index inbox_segments_xid on inbox_segments (xid);
-- Not the bodies.
select purser_grant('purser_audit', 'select (id, workspace_id, events, digest, xid)', 'inbox_segments');

select purser_watch(name) from unnest(array['endpoints', 'endpoint_secrets', 'inbox_controls', 'inbox_outcomes', 'inbox_work']::regclass[]) as name;
