-- Not valid: checking them would read rows, and nobody's workspace is open to a migration.
create or replace function quotas_new_organizations() returns trigger
  language plpgsql
  as $$
begin
  perform quotas_follow_plan(f.workspace_id, f.id, f.plan_tier, false) from fresh as f;
  return null;
end $$;
alter table usage_requests add constraint usage_requests_workspace_id_fkey foreign key (workspace_id) references workspaces (id) not valid;
alter table usage_quotas add constraint usage_quotas_workspace_id_fkey foreign key (workspace_id) references workspaces (id) not valid;
