-- safe online
-- Workers make and move many organizations in one statement: their quotas follow in one statement too. No foreign key
-- to workspaces, as on every table that webhooks feed: each insert would share-lock the workspace's one row.
alter table usage_quotas drop constraint usage_quotas_workspace_id_fkey;
alter table usage_requests drop constraint usage_requests_workspace_id_fkey;

create or replace function quotas_new_organizations() returns trigger
  language plpgsql
  as $$
begin
  insert into usage_quotas (workspace_id, organization_id, dimension, quota_limit, unlimited)
  select f.workspace_id, f.id, p.dimension, p.quota_limit, p.unlimited
    from (select distinct workspace_id, plan_tier from fresh) as kinds
    cross join lateral quotas_plan_limits(kinds.workspace_id, kinds.plan_tier) as p
    join fresh as f on f.workspace_id = kinds.workspace_id and f.plan_tier = kinds.plan_tier
   order by f.id, p.dimension
  on conflict (organization_id, dimension) do nothing;
  return null;
end $$;
