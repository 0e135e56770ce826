-- safe online
-- Nothing that a person may write by hand is written unseen: the catalogue test (by-hand.test.ts) compares the operator's
-- privileges with these triggers.

-- The record's tables that 0021 left out.
select purser_watch(name)
  from unnest(array['charges', 'payment_intents', 'invoice_payments', 'products', 'prices', 'subscription_events']::regclass[]) as name;

-- What belongs to no workspace belongs to the installation, whose operators work in the default workspace: its log has the line.
create or replace function purser_audit_out_of_band() returns trigger
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
    select id into workspace from workspaces where is_default;
    if workspace is null then
      return null;
    end if;
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

-- Tables of the queue hold a million rows: one mark a statement, in the log of every workspace, instead of one a row.
-- No transition tables: those would be filled for the service's own statements too.
create function purser_audit_out_of_band_statement() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
declare
  scope text := coalesce(current_setting('purser.workspaces', true), '');
begin
  perform set_config('purser.workspaces', (select coalesce(array_agg(id), '{}')::text from workspaces), true);
  insert into audit_entries (workspace_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, detail)
  select w.id, clock_timestamp(), 'operator', session_user, session_user,
         'out_of_band.rows_' || case tg_op when 'INSERT' then 'inserted' when 'UPDATE' then 'updated' when 'DELETE' then 'deleted' else 'truncated' end,
         tg_table_name, '*',
         jsonb_build_object('table', tg_table_name, 'login', session_user, 'program', current_setting('application_name', true))
    from workspaces w;
  perform set_config('purser.workspaces', scope, true);
  return null;
end $$;
revoke all on function purser_audit_out_of_band_statement() from public;

create function purser_watch_statements(relation regclass) returns void
  language plpgsql
  as $$
begin
  if not purser_has_role('purser_service') then
    return;
  end if;
  execute format('drop trigger if exists out_of_band on %s', relation);
  execute format(
    'create trigger out_of_band after insert or update or delete or truncate on %s for each statement'
    ' when (session_user <> ''purser_service'') execute function purser_audit_out_of_band_statement()', relation);
end $$;
select purser_watch_statements(name) from unnest(array['inbox_work', 'inbox_outcomes']::regclass[]) as name;
