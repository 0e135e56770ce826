-- safe online
-- The audit log. Lines are written in the transaction of the act, with no lock; a sealer chains the committed ones
-- (README of the room). Nobody may change a line: the privilege is missing and a trigger refuses whoever has it anyway.

create table audit_entries (
  id bigint generated always as identity primary key,
  workspace_id integer not null references workspaces (id),
  -- By the clock of the unit of work; recorded_at is the database's own and cannot be chosen.
  at timestamptz not null,
  recorded_at timestamptz not null,
  actor_kind text not null check (actor_kind in ('staff', 'token', 'provider', 'system', 'operator')),
  actor_id text not null,
  actor_name text not null,
  action text not null check (action ~ '^[a-z_]+[.][a-z_]+$'),
  subject_kind text,
  subject_id text,
  organization_id text,
  detail jsonb not null default '{}',
  request_id text,
  ticket text,
  payload_hash bytea not null,
  xid xid8 not null,
  check ((subject_kind is null) = (subject_id is null))
);
create index audit_entries_newest on audit_entries (workspace_id, id desc);
create index audit_entries_action on audit_entries (workspace_id, action text_pattern_ops, id desc);
create index audit_entries_actor on audit_entries (workspace_id, actor_id, id desc);
create index audit_entries_subject on audit_entries (workspace_id, subject_id, id desc) where subject_id is not null;
create index audit_entries_organization on audit_entries (workspace_id, organization_id, id desc) where organization_id is not null;
create index audit_entries_ticket on audit_entries (workspace_id, ticket, id desc) where ticket is not null;
-- The sealer asks for what its last snapshot did not see.
create index audit_entries_xid on audit_entries (xid);
select purser_protect('audit_entries');

-- What the writer may not choose: its transaction, the database's time, the hash of its detail.
create function purser_audit_stamp() returns trigger
  language plpgsql
  as $$
begin
  new.xid := pg_current_xact_id();
  new.recorded_at := clock_timestamp();
  new.payload_hash := sha256(convert_to(new.detail::text, 'UTF8'));
  return new;
end $$;
create trigger audit_entries_stamp before insert on audit_entries for each row execute function purser_audit_stamp();

create function purser_append_only() returns trigger
  language plpgsql
  as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entries_append_only before update or delete or truncate on audit_entries
  for each statement execute function purser_append_only();

-- One chain per workspace, so that a workspace can be verified, exported and erased without the others.
create table audit_seals (
  workspace_id integer not null references workspaces (id),
  n integer not null check (n > 0),
  sealed_at timestamptz not null,
  entry_ids int8multirange not null,
  segment_ids int8multirange not null,
  -- RFC 6962 leaf hashes, 32 bytes each: entries by id, then inbox segments by id. A line erased later keeps its leaf.
  leaves bytea not null,
  root bytea not null,
  previous bytea not null,
  hash bytea not null,
  key_id text not null,
  signature bytea not null,
  primary key (workspace_id, n)
);
create index audit_seals_entries on audit_seals using gist (entry_ids);
select purser_protect('audit_seals');
create trigger audit_seals_append_only before update or delete or truncate on audit_seals
  for each statement execute function purser_append_only();

-- What the sealer has seen so far. It is no evidence: verification does not trust it.
create table audit_sealer (
  only_one boolean primary key default true check (only_one),
  snapshot pg_snapshot not null default '1:1:',
  -- Everything up to here was sealed before this cluster's transaction ids began (a restored dump).
  floor_id bigint not null default 0,
  segment_floor_id bigint not null default 0,
  passed_at timestamptz
);
insert into audit_sealer default values;

-- Stops writers for the one pass after a restore in which transaction ids say nothing about order.
create function purser_audit_hold() returns void
  language plpgsql security definer set search_path = public, pg_temp
  as $$
begin
  lock table audit_entries in share mode;
  if to_regclass('public.inbox_segments') is not null then
    lock table inbox_segments in share mode;
  end if;
end $$;
revoke all on function purser_audit_hold() from public;

-- Out-of-band writes: anybody whose login is not the service's. Judged by session_user, which psql cannot set.
-- Arguments of the trigger: the columns of the primary key.
create function purser_audit_out_of_band() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
declare
  -- Put back by hand: `set` on a function is refused for settings of ours unless a superuser makes it.
  scope text := coalesce(current_setting('purser.workspaces', true), '');
  before jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) end;
  after jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) end;
  line jsonb := coalesce(to_jsonb(new), to_jsonb(old));
  workspace integer := case when tg_table_name = 'workspaces' then (line ->> 'id')::integer else (line ->> 'workspace_id')::integer end;
  changed jsonb;
  key text;
begin
  if workspace is null then
    return null;
  end if;
  select string_agg(coalesce(line ->> name, ''), '/' order by position) into key
    from unnest(tg_argv) with ordinality as keys (name, position);
  select coalesce(jsonb_agg(name order by name), '[]') into changed
    from jsonb_object_keys(line) as columns (name)
    where before -> name is distinct from after -> name;
  perform set_config('purser.workspaces', format('{%s}', workspace), true);
  insert into audit_entries (workspace_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, organization_id, detail)
  values (workspace, clock_timestamp(), 'operator', session_user, session_user,
          'out_of_band.row_' || case tg_op when 'INSERT' then 'inserted' when 'UPDATE' then 'updated' else 'deleted' end,
          tg_table_name, key,
          case when tg_table_name = 'organizations' then line ->> 'id' else line ->> 'organization_id' end,
          jsonb_build_object('table', tg_table_name, 'key', key, 'changed', changed,
                             'login', session_user, 'program', current_setting('application_name', true)));
  perform set_config('purser.workspaces', scope, true);
  return null;
end $$;

-- `select purser_watch('subscriptions')`: hangs the trigger above on a table. Where all of Purser runs as one role the
-- two cannot be told apart and nothing is hung.
create function purser_watch(relation regclass) returns void
  language plpgsql
  as $$
declare
  key text;
begin
  if not purser_has_role('purser_service')
     or exists (select from pg_trigger where tgrelid = relation and tgname = 'out_of_band') then
    return;
  end if;
  select string_agg(quote_literal(a.attname), ', ' order by k.position) into key
    from pg_index i
    cross join unnest(i.indkey::smallint[]) with ordinality as k (number, position)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = relation and i.indisprimary;
  execute format(
    'create trigger out_of_band after insert or update or delete on %s for each row'
    ' when (session_user <> ''purser_service'') execute function purser_audit_out_of_band(%s)', relation, key);
end $$;
select purser_watch(name) from unnest(array['workspaces', 'organizations', 'organization_provider_ids', 'staff', 'api_tokens']::regclass[]) as name;

-- As the runbooks read it. Migration 0040 adds the lines about webhooks, which lie in the inbox.
create view audit_log with (security_invoker = true) as
  select id::text as id, workspace_id, action,
         actor_name as actor, actor_kind, actor_id,
         subject_id as subject, subject_kind, organization_id,
         detail as details, request_id, ticket, at as created_at
    from audit_entries;

select purser_grant(role, 'select, insert', 'audit_entries') from unnest(array['purser_app', 'purser_worker']) as role;
select purser_grant('purser_audit', 'select', 'audit_entries');
select purser_grant('purser_operator', 'select', 'audit_entries');
select purser_grant(role, 'select', 'audit_seals') from unnest(array['purser_app', 'purser_worker', 'purser_operator']) as role;
select purser_grant('purser_audit', 'select, insert', 'audit_seals');
select purser_grant(role, 'select', 'audit_sealer') from unnest(array['purser_app', 'purser_worker', 'purser_operator']) as role;
select purser_grant('purser_audit', 'select, update', 'audit_sealer');
select purser_grant(role, 'select', 'audit_log') from unnest(array['purser_app', 'purser_worker', 'purser_operator']) as role;
do $$
begin
  if purser_has_role('purser_audit') then
    grant execute on function purser_audit_hold() to purser_audit;
  end if;
end $$;
