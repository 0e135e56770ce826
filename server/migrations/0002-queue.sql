-- safe online
-- pg-boss's own schema, from the package that is installed. It runs here and not at pg-boss's start, so that the role
-- that works jobs off owns nothing; a later pg-boss that changes it needs a migration of ours (boss.test.ts notices).
-- include: pg-boss

-- The service works jobs off; it makes and drops nothing.
do $$
begin
  if purser_has_role('purser_jobs') then
    grant usage on schema pgboss to purser_jobs;
    grant select, insert, update, delete on all tables in schema pgboss to purser_jobs;
    grant execute on all functions in schema pgboss to purser_jobs;
  end if;
  if purser_has_role('purser_operator') then
    grant usage on schema pgboss to purser_operator;
    grant select on all tables in schema pgboss to purser_operator;
  end if;
end $$;

-- The outbox: writes jobs in the caller's transaction without giving the caller the queue's tables, where jobs of every
-- workspace lie side by side. One statement for any number of queues. An id that is there already is a job that was asked
-- for already; a queue that nobody declared is an error, because its job would never run.
create function purser_enqueue(jobs jsonb) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  as $$
declare
  unknown text;
  made integer;
begin
  select string_agg(distinct j ->> 'name', ', ') into unknown
    from jsonb_array_elements(jobs) as j
    where not exists (select from pgboss.queue q where q.name = j ->> 'name');
  if unknown is not null then
    raise exception 'no such queue: %', unknown using errcode = 'undefined_object';
  end if;
  insert into pgboss.job (id, name, data, start_after, created_on, singleton_key, expire_seconds, deletion_seconds, keep_until,
                          retry_limit, retry_delay, retry_backoff, retry_delay_max, policy, dead_letter, heartbeat_seconds)
  select j.id, q.name, j.data, s.start_after, pgboss.job_now(), coalesce(j.key, j.id::text), q.expire_seconds, q.deletion_seconds,
         s.start_after + q.retention_seconds * interval '1 second',
         q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max, q.policy, q.dead_letter, q.heartbeat_seconds
    from jsonb_to_recordset(jobs) as j (id uuid, name text, data jsonb, run_at timestamptz, key text)
    join pgboss.queue q on q.name = j.name
    cross join lateral (select coalesce(j.run_at, pgboss.job_now()) as start_after) s
    on conflict do nothing;
  get diagnostics made = row_count;
  return made;
end $$;
revoke all on function purser_enqueue(jsonb) from public;
do $$
declare
  door text;
begin
  foreach door in array array['purser_app', 'purser_worker', 'purser_intake', 'purser_auth', 'purser_jobs', 'purser_audit'] loop
    if purser_has_role(door) then
      execute format('grant execute on function purser_enqueue(jsonb) to %I', door);
    end if;
  end loop;
end $$;
