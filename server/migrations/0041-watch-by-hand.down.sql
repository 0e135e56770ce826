do $$
declare
  relation text;
begin
  foreach relation in array array['charges', 'payment_intents', 'invoice_payments', 'products', 'prices', 'subscription_events'] loop
    execute format('drop trigger if exists out_of_band on %I', relation);
  end loop;
end $$;
drop trigger if exists out_of_band on inbox_work;
drop trigger if exists out_of_band on inbox_outcomes;
select purser_watch(name) from unnest(array['inbox_work', 'inbox_outcomes']::regclass[]) as name;
drop function purser_watch_statements(regclass);
drop function purser_audit_out_of_band_statement();
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
