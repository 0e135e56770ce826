-- safe online
-- What the schedule last did, and what runs came to. The queue itself is pg-boss's (0002).

create table job_schedules (
  name text primary key,
  title text not null,
  cron text not null,
  -- The last due minute that was put in the queue; two schedulers race on it and one wins.
  due_at timestamptz not null
);
comment on table job_schedules is 'One line of the schedule each; of the house, so without a workspace.';

create table job_runs (
  id bigint generated always as identity primary key,
  -- null: a job of the house, which every workspace may see
  workspace_id integer references workspaces (id),
  job text not null,
  job_id uuid not null,
  attempt integer not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text not null check (outcome in ('running', 'done', 'snoozed', 'discarded', 'failed', 'dead', 'lost')),
  note text
);
create index job_runs_newest on job_runs (job, id desc);
create index job_runs_running on job_runs (job_id) where outcome = 'running';
alter table job_runs enable row level security;
alter table job_runs force row level security;
create policy workspace on job_runs
  using (workspace_id is null or workspace_id = any ((select purser_workspaces())::integer[]))
  with check (workspace_id is null or workspace_id = any ((select purser_workspaces())::integer[]));
do $$
begin
  if purser_has_role('purser_operator') then
    create policy operator on job_runs to purser_operator using (true) with check (true);
  end if;
end $$;

-- The queue seen through a keyhole: jobs of the house and of the workspaces in scope, never payloads.
create function purser_job_queues() returns table (name text, waiting bigint, active bigint, dead bigint)
  language sql stable security definer set search_path = public, pg_temp
  as $$
  select q.name,
         (select count(*) from pgboss.job j where j.name = q.name and j.state in ('created', 'retry')
             and (j.data ->> 'workspaceId' is null or (j.data ->> 'workspaceId')::integer = any ((select purser_workspaces())::integer[]))),
         (select count(*) from pgboss.job j where j.name = q.name and j.state = 'active'
             and (j.data ->> 'workspaceId' is null or (j.data ->> 'workspaceId')::integer = any ((select purser_workspaces())::integer[]))),
         (select count(*) from pgboss.job j where j.name = 'dead' and j.source_name = q.name and j.state = 'created'
             and (j.data ->> 'workspaceId' is null or (j.data ->> 'workspaceId')::integer = any ((select purser_workspaces())::integer[])))
    from pgboss.queue q where q.name <> 'dead'
$$;

create function purser_jobs_dead() returns table (id uuid, job text, died_at timestamptz, created_at timestamptz, attempts integer, error text)
  language sql stable security definer set search_path = public, pg_temp
  as $$
  select j.id, j.source_name, j.created_on, j.source_created_on, j.source_retry_count + 1,
         coalesce(j.source_output ->> 'message', j.source_output::text)
    from pgboss.job j
   where j.name = 'dead' and j.state = 'created'
     and (j.data ->> 'workspaceId' is null or (j.data ->> 'workspaceId')::integer = any ((select purser_workspaces())::integer[]))
$$;

-- Gives a dead job its tries back under a new id; null where there is no such job in scope.
create function purser_jobs_retry(dead_id uuid) returns text
  language plpgsql security definer set search_path = public, pg_temp
  as $$
declare
  dead record;
begin
  delete from pgboss.job j
   where j.name = 'dead' and j.id = dead_id and j.state = 'created'
     and (j.data ->> 'workspaceId' is null or (j.data ->> 'workspaceId')::integer = any ((select purser_workspaces())::integer[]))
  returning j.source_name, j.data into dead;
  if dead.source_name is null then
    return null;
  end if;
  perform purser_enqueue(jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'name', dead.source_name, 'data', dead.data)));
  return dead.source_name;
end $$;

revoke all on function purser_job_queues(), purser_jobs_dead(), purser_jobs_retry(uuid) from public;
do $$
declare
  door text;
begin
  foreach door in array array['purser_app', 'purser_worker', 'purser_operator'] loop
    if purser_has_role(door) then
      execute format('grant execute on function purser_job_queues(), purser_jobs_dead(), purser_jobs_retry(uuid) to %I', door);
    end if;
  end loop;
end $$;
select purser_grant(role, 'select, insert, update, delete', 'job_schedules') from unnest(array['purser_worker']) as role;
select purser_grant(role, 'select', 'job_schedules') from unnest(array['purser_app', 'purser_operator']) as role;
select purser_grant(role, 'select', 'job_runs') from unnest(array['purser_app', 'purser_operator']) as role;
select purser_grant('purser_worker', 'select, insert, update, delete', 'job_runs');
