-- safe online
-- Quotas: one row per organization and dimension, and the ledger that makes a retried call count once.

create table usage_quotas (
  workspace_id integer not null references workspaces (id),
  organization_id text not null references organizations (id),
  dimension text not null check (dimension in ('sites', 'posts', 'users', 'storage_bytes', 'api_calls')),
  current_usage bigint not null default 0 check (current_usage >= 0),
  -- Null exactly where the plan is unlimited, so that a number forgotten somewhere never opens the gate.
  quota_limit bigint check (quota_limit >= 0),
  last_reset_at timestamptz not null default now(),
  unlimited boolean not null default false,
  limit_source text not null default 'plan' check (limit_source in ('plan', 'override')),
  -- Every change of a limit by the product raises it; a change that does not was typed by hand.
  limit_revision bigint not null default 0,
  override_at timestamptz,
  override_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, dimension),
  constraint usage_quotas_unlimited_is_a_plans check (unlimited = (quota_limit is null)),
  constraint usage_quotas_override_is_signed check ((limit_source = 'override') = (override_at is not null))
) with (fillfactor = 50); -- a hot row is updated thousands of times a second: room for HOT chains on its page
comment on column usage_quotas.last_reset_at is
  'When the usage last began at nought. Usage older than the running month (UTC) no longer counts, whether or not a job has been here.';
comment on column usage_quotas.quota_limit is
  'A number typed by SQL is an override that holds until the tier next changes; a NULL typed by SQL keeps the old limit.';
create index usage_quotas_workspace on usage_quotas (workspace_id, dimension);
select purser_protect('usage_quotas');
select purser_watch('usage_quotas');

create table usage_requests (
  workspace_id integer not null references workspaces (id),
  organization_id text not null references organizations (id),
  dimension text not null,
  request_key text not null check (length(request_key) <= 200),
  -- Negative for a release.
  amount bigint not null,
  used_after bigint not null,
  created_at timestamptz not null,
  primary key (organization_id, dimension, request_key)
);
comment on table usage_requests is 'Calls that were counted, by idempotency key, for 24 hours. A refused call counted nothing and is not here.';
create index usage_requests_age on usage_requests (workspace_id, created_at);
select purser_protect('usage_requests');

select purser_grant(role, 'select, insert, update', 'usage_quotas')
  from unnest(array['purser_app', 'purser_worker', 'purser_operator']) as role;
select purser_grant('purser_app', 'select, insert, update, delete', 'usage_requests');
select purser_grant('purser_worker', 'select, delete', 'usage_requests');
select purser_grant('purser_operator', 'select', 'usage_requests');

-- What the catalogue of a workspace gives a tier: its newest version, or the defaults of billing/plan.core.ts
-- where the workspace has edited nothing (a test compares the two).
create function quotas_plan_limits(workspace integer, tier text)
  returns table (dimension text, quota_limit bigint, unlimited boolean)
  language sql stable
  as $$
    with plan as (
      select * from plans as p
       where p.workspace_id = workspace and p.tier = quotas_plan_limits.tier
       order by p.version desc limit 1
    ), limits as (
      select v.dimension, v.quota_limit, plan.unlimited
        from plan cross join lateral (values
          ('sites', plan.sites), ('posts', plan.posts), ('users', plan.users),
          ('storage_bytes', plan.storage_bytes), ('api_calls', plan.api_calls)) as v (dimension, quota_limit)
      union all
      select d.dimension, d.quota_limit, d.tier = 'enterprise'
        from (values
          ('free', 'sites', 1::bigint), ('free', 'posts', 100), ('free', 'users', 2), ('free', 'storage_bytes', 1073741824), ('free', 'api_calls', 10000),
          ('starter', 'sites', 3), ('starter', 'posts', 1000), ('starter', 'users', 5), ('starter', 'storage_bytes', 10737418240), ('starter', 'api_calls', 100000),
          ('pro', 'sites', 10), ('pro', 'posts', 10000), ('pro', 'users', 25), ('pro', 'storage_bytes', 107374182400), ('pro', 'api_calls', 1000000),
          ('enterprise', 'sites', null), ('enterprise', 'posts', null), ('enterprise', 'users', null), ('enterprise', 'storage_bytes', null), ('enterprise', 'api_calls', null)
        ) as d (tier, dimension, quota_limit)
       where d.tier = quotas_plan_limits.tier and not exists (select from plan)
    )
    select l.dimension, case when not l.unlimited then l.quota_limit end, l.unlimited from limits as l
  $$;

-- Brings the rows of one organization in line with a tier; usage stays. Without `overwrite` only what is missing is made.
create function quotas_follow_plan(workspace integer, organization text, tier text, overwrite boolean)
  returns integer
  language plpgsql
  as $$
declare
  written integer;
begin
  insert into usage_quotas as q (workspace_id, organization_id, dimension, quota_limit, unlimited)
  select workspace, organization, p.dimension, p.quota_limit, p.unlimited
    from quotas_plan_limits(workspace, tier) as p
   order by p.dimension
  on conflict (organization_id, dimension) do update
     set quota_limit = excluded.quota_limit, unlimited = excluded.unlimited, limit_source = 'plan',
         override_at = null, override_by = null, limit_revision = q.limit_revision + 1, updated_at = now()
   where overwrite;
  get diagnostics written = row_count;
  return written;
end $$;

-- The tier is what the limits follow, whoever changes it: a projection, an operation, or a person in psql.
create function quotas_new_organizations() returns trigger
  language plpgsql
  as $$
begin
  perform quotas_follow_plan(f.workspace_id, f.id, f.plan_tier, false) from fresh as f;
  return null;
end $$;
create trigger quotas_new_organizations after insert on organizations
  referencing new table as fresh for each statement execute function quotas_new_organizations();

create function quotas_tier_changed() returns trigger
  language plpgsql
  as $$
begin
  perform quotas_follow_plan(new.workspace_id, new.id, new.plan_tier, true);
  return null;
end $$;
create trigger quotas_tier_changed after update of plan_tier on organizations
  for each row when (old.plan_tier is distinct from new.plan_tier) execute function quotas_tier_changed();

-- The line about a NULL that was not taken. Definer, because whoever types SQL may not write the audit log.
create function quotas_mark_kept_limit(quota usage_quotas) returns void
  language plpgsql security definer
  set search_path = public, pg_temp
  as $$
declare
  scope text := current_setting('purser.workspaces', true);
begin
  perform set_config('purser.workspaces', format('{%s}', quota.workspace_id), true);
  insert into audit_entries (workspace_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, organization_id, detail)
  values (quota.workspace_id, clock_timestamp(), 'operator', session_user, session_user,
          'quota.null_limit_kept', 'quota', quota.organization_id || '/' || quota.dimension, quota.organization_id,
          jsonb_build_object('dimension', quota.dimension, 'kept', quota.quota_limit, 'login', session_user,
                             'why', 'NULL is no limit: unlimited is a property of the plan'));
  perform set_config('purser.workspaces', coalesce(scope, ''), true);
end $$;
revoke all on function quotas_mark_kept_limit(usage_quotas) from public;
do $$
declare
  role text;
begin
  foreach role in array array['purser_app', 'purser_worker', 'purser_operator'] loop
    if purser_has_role(role) then
      execute format('grant execute on function quotas_mark_kept_limit(usage_quotas) to %I', role);
    end if;
  end loop;
end $$;

-- A limit written without a new revision was typed by hand. A number is an override. NULL (a CASE without
-- ELSE) and a hand-made "unlimited" keep what was there and leave a line in the audit log.
create function quotas_guard_limit() returns trigger
  language plpgsql
  as $$
begin
  if new.limit_revision <> old.limit_revision then
    return new;
  end if;
  if new.quota_limit is null or (new.unlimited and not old.unlimited) then
    if not old.unlimited then
      perform quotas_mark_kept_limit(old);
    end if;
    new.quota_limit := old.quota_limit;
    new.unlimited := old.unlimited;
    return new;
  end if;
  new.unlimited := false;
  if new.quota_limit is distinct from old.quota_limit then
    new.limit_source := 'override';
    new.override_at := now();
    new.override_by := session_user;
    new.updated_at := now();
  end if;
  return new;
end $$;
create trigger quotas_guard_limit before update of quota_limit, unlimited on usage_quotas
  for each row execute function quotas_guard_limit();

-- Every node forgets what it has cached of this organization. Usage is not announced: a notification at
-- each consume would serialize all commits of the cluster; caches live for less than a second anyway.
create function quotas_announce_change() returns trigger
  language plpgsql
  as $$
begin
  perform pg_notify('purser_entitlements', case tg_table_name when 'organizations' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'organization_id' end);
  return null;
end $$;
create trigger quotas_announce_change after update of quota_limit, unlimited on usage_quotas
  for each row execute function quotas_announce_change();
create trigger quotas_announce_change after update of plan_tier, locked_at on organizations
  for each row when (old.plan_tier is distinct from new.plan_tier or old.locked_at is distinct from new.locked_at)
  execute function quotas_announce_change();

-- Organizations that were here before their quotas. Forced row-level security binds the owner too.
do $$
begin
  perform set_config('purser.workspaces', coalesce((select array_agg(id)::text from workspaces), '{}'), true);
  perform quotas_follow_plan(workspace_id, id, plan_tier, false) from organizations;
end $$;
