-- safe online
-- The inbox: what providers sent, what is still to be done with it, and what became of it.

-- Queue tables hold no customer's data and are worked off across workspaces, so the worker and the
-- intake see all of them; everyone else sees their own workspace. Where the database has no roles of
-- ours (a managed Postgres without CREATEROLE) the one role there is does all three.
create function purser_queue_table(relation regclass) returns void
  language plpgsql
  as $$
declare
  worker text;
begin
  perform purser_protect(relation);
  foreach worker in array array['purser_worker', 'purser_intake', 'purser_jobs'] loop
    if purser_has_role(worker) then
      execute format('create policy %I on %s to %I using (true) with check (true)', worker, relation, worker);
    end if;
  end loop;
  if not purser_has_role('purser_worker') then
    execute format('create policy queue on %s using (true) with check (true)', relation);
  end if;
end $$;

create function inbox_provider(code smallint) returns text
  language sql immutable parallel safe
  as $$ select case code when 1 then 'stripe' when 2 then 'paddle' when 3 then 'twilio' end $$;

create function inbox_fate(code smallint) returns text
  language sql immutable parallel safe
  as $$ select case code when 1 then 'applied' when 2 then 'ignored' when 3 then 'superseded'
                         when 4 then 'quarantined' when 5 then 'dead' end $$;

-- ---------------------------------------------------------------- where providers send to
create table endpoints (
  id integer generated always as identity primary key,
  public_id text not null unique,
  workspace_id integer not null references workspaces (id),
  provider text not null check (provider in ('stripe', 'paddle', 'twilio')),
  name text not null,
  -- What the provider was told; Twilio signs the address, so its endpoints need it.
  public_url text,
  -- null takes both; true refuses test events and the other way round.
  livemode boolean,
  -- Answers at /api/webhooks/<provider>; one a provider.
  is_default boolean not null default false,
  enabled boolean not null default true,
  created_at timestamptz not null
);
create unique index endpoints_one_default on endpoints (provider) where is_default;
select purser_protect('endpoints');

create table endpoint_secrets (
  endpoint_id integer not null references endpoints (id) on delete cascade,
  workspace_id integer not null references workspaces (id),
  no smallint not null,
  sealed text not null,
  -- The last four characters, so that people can tell which one it is.
  hint text not null,
  not_before timestamptz not null,
  not_after timestamptz,
  created_at timestamptz not null,
  primary key (endpoint_id, no)
);
select purser_protect('endpoint_secrets');

-- ---------------------------------------------------------------- what came in
create sequence inbox_segment_ids as bigint;
create sequence inbox_event_ids as bigint;

create table inbox_segments (
  id bigint primary key,
  workspace_id integer not null references workspaces (id),
  at timestamptz not null,
  events integer not null,
  -- One zstd frame over the raw bodies of one flush, one workspace's only, so that retention and erasure work.
  body bytea not null,
  digest bytea not null
);
alter table inbox_segments alter column body set storage external;
create index inbox_segments_at on inbox_segments (at);
select purser_protect('inbox_segments');

-- Insert-only and narrow: the wide bytes are in the segment, the state is in inbox_work and
-- inbox_outcomes. No foreign keys here: each would cost a locked lookup per event, the segment
-- beside it has the one to workspaces, and segments are dropped earlier than events.
create table inbox_events (
  id bigint primary key,
  segment_id bigint not null,
  occurred_at timestamptz,
  received_at timestamptz not null,
  workspace_id integer not null,
  endpoint_id integer not null,
  body_offset integer not null,
  body_length integer not null,
  provider smallint not null,
  lane smallint not null,
  secret_no smallint not null,
  -- 16 bytes over what may not change between two deliveries of one event.
  fingerprint bytea not null,
  external_id text collate "C" not null,
  event_type text collate "C" not null,
  okey text collate "C" not null,
  api_version text collate "C",
  -- The ledger against duplicates; rows live as long as it must reach back (90 days).
  constraint inbox_events_once unique (endpoint_id, external_id)
);
create index inbox_events_received on inbox_events using brin (received_at) with (pages_per_range = 32);
alter table inbox_events set (autovacuum_vacuum_insert_scale_factor = 0.05);
select purser_protect('inbox_events');

-- ---------------------------------------------------------------- what is to be done
-- state: 0 ready, 1 parked behind its key, 2 held until its room exists, 3 waiting for its parent.
create table inbox_work (
  event_id bigint not null,
  workspace_id integer not null,
  lane smallint not null,
  provider smallint not null,
  state smallint not null default 0,
  attempts smallint not null default 0,
  replay boolean not null default false,
  okey text collate "C" not null,
  primary key (workspace_id, okey, event_id)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
create index inbox_work_ready on inbox_work (lane, provider, workspace_id, event_id) where state = 0;
create index inbox_work_aside on inbox_work (state, workspace_id, okey) where state > 0;
create index inbox_work_event on inbox_work (event_id) where state > 0;
select purser_queue_table('inbox_work');

create sequence inbox_tokens as bigint;
-- One row per batch in work: the fence. Whoever still holds it unexpired, under lock, may commit.
create table inbox_leases (
  token bigint primary key,
  worker text not null,
  lease_until timestamptz not null,
  events integer not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- A row exists only while a key is leased (token) or in trouble (next_at).
create table inbox_keys (
  workspace_id integer not null,
  token bigint,
  next_at timestamptz,
  crashes smallint not null default 0,
  failures smallint not null default 0,
  has_parked boolean not null default false,
  -- A batch with this key died: it is worked off alone until it is cleared.
  suspect boolean not null default false,
  alone boolean not null default false,
  okey text collate "C" not null,
  last_error text,
  primary key (workspace_id, okey)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
create index inbox_keys_token on inbox_keys (token) where token is not null;
create index inbox_keys_due on inbox_keys (next_at) where token is null;
select purser_queue_table('inbox_keys');

create table inbox_waiting (
  event_id bigint primary key,
  workspace_id integer not null,
  okey text collate "C" not null,
  waiting_for text collate "C" not null,
  reason text not null,
  since timestamptz not null,
  next_at timestamptz not null,
  tries integer not null default 1
);
create index inbox_waiting_next on inbox_waiting (next_at);
create index inbox_waiting_for on inbox_waiting (workspace_id, waiting_for);
create index inbox_waiting_key on inbox_waiting (workspace_id, okey);
select purser_queue_table('inbox_waiting');

-- ---------------------------------------------------------------- what became of it
create table inbox_outcomes (
  event_id bigint primary key,
  at timestamptz not null,
  workspace_id integer not null,
  fate smallint not null,
  attempts smallint not null,
  reason text,
  superseded_by text
) with (autovacuum_vacuum_insert_scale_factor = 0.05);
create index inbox_outcomes_failed on inbox_outcomes (workspace_id, at) where fate in (4, 5);
create index inbox_outcomes_at on inbox_outcomes using brin (at) with (pages_per_range = 32);
select purser_protect('inbox_outcomes');

create table inbox_attempts (
  id bigint generated always as identity primary key,
  event_id bigint not null,
  workspace_id integer not null,
  at timestamptz not null,
  worker text not null,
  outcome text not null,
  error text
);
create index inbox_attempts_event on inbox_attempts (event_id);
select purser_protect('inbox_attempts');

create table inbox_duplicates (
  event_id bigint primary key,
  workspace_id integer not null,
  count integer not null,
  last_at timestamptz not null
) with (fillfactor = 70);
select purser_protect('inbox_duplicates');

create table inbox_conflicts (
  id bigint generated always as identity primary key,
  event_id bigint not null,
  workspace_id integer not null references workspaces (id),
  endpoint_id integer not null,
  external_id text not null,
  fingerprint bytea not null,
  body bytea not null,
  received_at timestamptz not null,
  unique (event_id, fingerprint)
);
select purser_protect('inbox_conflicts');

create table inbox_rejected (
  id bigint generated always as identity primary key,
  workspace_id integer not null references workspaces (id),
  endpoint_id integer not null references endpoints (id) on delete cascade,
  at timestamptz not null,
  refusal text not null,
  detail text not null,
  count integer not null,
  bytes integer not null,
  headers jsonb not null
);
create index inbox_rejected_newest on inbox_rejected (workspace_id, at desc, id desc);
create index inbox_rejected_endpoint on inbox_rejected (endpoint_id, at desc);
select purser_protect('inbox_rejected');

-- ---------------------------------------------------------------- valves and figures
create table inbox_controls (
  provider smallint not null,
  lane smallint not null,
  max_concurrency integer,
  rate_per_s double precision,
  paused boolean not null default false,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (provider, lane)
);
comment on table inbox_controls is 'The valves of the whole installation, not of a workspace: workers serve all of them.';

create table inbox_nodes (
  id text primary key,
  kind text not null check (kind in ('worker', 'intake')),
  seen_at timestamptz not null,
  spooled bigint not null default 0,
  breaker text not null default 'closed',
  note text
);

-- Settled events per minute, lane and provider: arrival and service rates without counting events.
create table inbox_rates (
  minute timestamptz not null,
  provider smallint not null,
  lane smallint not null,
  node text not null,
  arrived integer not null default 0,
  settled integer not null default 0,
  primary key (minute, node, provider, lane)
) with (fillfactor = 50);

-- ---------------------------------------------------------------- taking in: one call, one commit, a whole flush
-- Answers only what was not new: 1 a duplicate, 2 the same id with another content.
create function inbox_append(
  p_scope integer[],
  s_workspace integer[], s_body bytea[], s_digest bytea[], s_events integer[],
  e_segment integer[], e_endpoint integer[], e_provider smallint[], e_lane smallint[], e_secret smallint[],
  e_offset integer[], e_length integer[], e_occurred timestamptz[], e_received timestamptz[],
  e_fingerprint bytea[], e_external text[], e_type text[], e_okey text[], e_api text[], e_dead text[],
  p_notify text
) returns table (ord integer, status smallint, event_id bigint)
  language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  as $$
#variable_conflict use_column
declare
  segments bigint[];
  ids bigint[];
  wanted integer := cardinality(e_external);
  inserted integer;
begin
  perform set_config('purser.workspaces', p_scope::text, true);
  segments := array(select nextval('inbox_segment_ids') from generate_series(1, cardinality(s_workspace)));
  ids := array(select nextval('inbox_event_ids') from generate_series(1, wanted));
  -- Sorted by the ledger's key: two flushes with the same ids in opposite order would deadlock.
  with fresh as (
    insert into inbox_events (id, segment_id, workspace_id, endpoint_id, provider, lane, secret_no, body_offset, body_length,
                              occurred_at, received_at, fingerprint, external_id, event_type, okey, api_version)
    select e.id, segments[e.segment], s_workspace[e.segment], e.endpoint, e.provider, e.lane, e.secret, e.body_at, e.body_length,
           e.occurred, e.received, e.fingerprint, e.external, e.type, e.okey, e.api
    from unnest(ids, e_segment, e_endpoint, e_provider, e_lane, e_secret, e_offset, e_length, e_occurred, e_received,
                e_fingerprint, e_external, e_type, e_okey, e_api)
      as e(id, segment, endpoint, provider, lane, secret, body_at, body_length, occurred, received, fingerprint, external, type, okey, api)
    order by e.endpoint, e.external collate "C"
    on conflict (endpoint_id, external_id) do nothing
    returning id, workspace_id, lane, provider, okey, event_type
  ), work as (
    insert into inbox_work (event_id, workspace_id, lane, provider, okey)
    select id, workspace_id, lane, provider, okey from fresh where event_type <> 'unparseable'
  )
  select count(*) into inserted from fresh;

  if inserted = wanted then
    insert into inbox_segments (id, workspace_id, at, events, body, digest)
    select s.id, s.workspace, e_received[1], s.events, s.body, s.digest
    from unnest(segments, s_workspace, s_events, s_body, s_digest) as s(id, workspace, events, body, digest);
  else
    insert into inbox_segments (id, workspace_id, at, events, body, digest)
    select s.id, s.workspace, e_received[1], s.events, s.body, s.digest
    from unnest(segments, s_workspace, s_events, s_body, s_digest) as s(id, workspace, events, body, digest)
    where s.id in (select x.segment_id from inbox_events x where x.id = any(ids));

    return query
      select e.ord::integer, case when x.fingerprint = e.fingerprint then 1::smallint else 2::smallint end, x.id
      from unnest(ids, e_endpoint, e_external, e_fingerprint) with ordinality as e(id, endpoint, external, fingerprint, ord)
      join inbox_events x on x.endpoint_id = e.endpoint and x.external_id = e.external collate "C"
      where x.id <> e.id;

    insert into inbox_duplicates as d (event_id, workspace_id, count, last_at)
    select x.id, x.workspace_id, count(*), max(e.received)
    from unnest(ids, e_endpoint, e_external, e_fingerprint, e_received) as e(id, endpoint, external, fingerprint, received)
    join inbox_events x on x.endpoint_id = e.endpoint and x.external_id = e.external collate "C"
    where x.id <> e.id and x.fingerprint = e.fingerprint
    group by x.id, x.workspace_id
    order by x.id
    on conflict (event_id) do update set count = d.count + excluded.count, last_at = excluded.last_at;
  end if;

  if e_dead is not null then
    insert into inbox_outcomes (event_id, at, workspace_id, fate, attempts, reason)
    select x.id, x.received_at, x.workspace_id, 5, 0, e.dead
    from unnest(ids, e_dead) as e(id, dead) join inbox_events x on x.id = e.id
    where e.dead is not null;
  end if;
  if p_notify is not null then
    perform pg_notify('purser_inbox', p_notify);
  end if;
end $$;

-- ---------------------------------------------------------------- working off
-- Claims keys that nobody holds: a window of ready work per (lane, provider, workspace), reserved shares
-- first, then by lane; one lease for the lot. Rows with kind 0 tell the scanned window (ord = position of
-- the triple, event_id = first live row, segment_id = last row taken into account, attempts = rows seen,
-- lane = rows whose key is busy, provider = of these in trouble); kind 1 are events.
create function inbox_claim(
  p_worker text, p_lease interval,
  l_lane smallint[], l_provider smallint[], l_workspace integer[], l_floor bigint[], l_limit integer[], l_share integer[],
  p_total integer, p_aged bigint, p_closed smallint[]
) returns table (kind smallint, token bigint, ord integer, event_id bigint, workspace_id integer, okey text, lane smallint, provider smallint,
                 attempts integer, replay boolean, endpoint_id integer, external_id text, event_type text, occurred_at timestamptz,
                 received_at timestamptz, segment_id bigint, body_offset integer, body_length integer)
  language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off set jit = off
  as $$
#variable_conflict use_column
declare
  mine bigint := nextval('inbox_tokens');
  won_workspace integer[];
  won_okey text[];
  last_id bigint;
  stat record;
begin
  perform set_config('purser.workspaces', l_workspace::text, true);
  for stat in
    with scanned as materialized (
      select l.ord, l.lane, l.share, w.event_id, w.workspace_id, w.okey,
             row_number() over (partition by l.ord order by w.event_id) as place
      from unnest(l_lane, l_provider, l_workspace, l_floor, l_limit, l_share) with ordinality
        as l(lane, provider, workspace, floor, take, share, ord)
      cross join lateral (
        select w.event_id, w.workspace_id, w.okey from inbox_work w
        where w.state = 0 and w.lane = l.lane and w.provider = l.provider and w.workspace_id = l.workspace and w.event_id > l.floor
        order by w.event_id limit l.take
      ) w
    ), picked as materialized (
      select s.ord, s.event_id, s.workspace_id, s.okey
      from scanned s
      order by s.place > s.share, case when s.lane = 5 and s.event_id <= p_aged then 1 else s.lane end, s.place
      limit p_total
    ), judged as materialized (
      select p.ord, p.event_id, p.workspace_id, p.okey, k.okey is not null as blocked, k.okey is not null and k.token is null as trouble
      from picked p left join lateral (
        select k.okey, k.token from inbox_keys k where k.workspace_id = p.workspace_id and k.okey = p.okey offset 0
      ) k on true
    ), won as (
      insert into inbox_keys (workspace_id, okey, token)
      select distinct j.workspace_id, j.okey, mine from judged j where not j.blocked order by 1, 2
      on conflict (workspace_id, okey) do nothing
      returning workspace_id, okey
    )
    select 0 as part, s.ord, min(s.event_id) as first_id, count(*) as seen,
           (select count(*) from judged j where j.ord = s.ord and j.blocked) as blocked,
           (select count(*) from judged j where j.ord = s.ord and j.trouble) as trouble, null::integer[] as ws, null::text[] as ok,
           (select max(j.event_id) from judged j where j.ord = s.ord) as top
    from scanned s group by s.ord
    union all
    select 1, 0, 0, 0, 0, 0, (select array_agg(w.workspace_id order by w.okey) from won w), (select array_agg(w.okey order by w.okey) from won w),
           (select max(j.event_id) from judged j where not j.blocked)
  loop
    if stat.part = 0 then
      kind := 0; ord := stat.ord; event_id := stat.first_id; segment_id := stat.top; attempts := stat.seen; lane := least(stat.blocked, 32000); provider := least(stat.trouble, 32000);
      return next;
    else
      won_workspace := stat.ws; won_okey := stat.ok; last_id := stat.top;
    end if;
  end loop;
  if won_okey is null then
    return;
  end if;
  insert into inbox_leases (token, worker, lease_until, events)
  values (mine, p_worker, clock_timestamp() + p_lease, cardinality(won_okey));
  -- A new snapshot: what another worker finished between the scan and the win is gone, what is here is ours.
  return query
    select 1::smallint, mine, 0, w.event_id, k.workspace, k.okey, w.lane, w.provider, w.attempts::integer, w.replay,
           e.endpoint_id, e.external_id, e.event_type, e.occurred_at, e.received_at, e.segment_id, e.body_offset, e.body_length
    from unnest(won_workspace, won_okey) as k(workspace, okey)
    cross join lateral (
      select w.event_id, w.lane, w.provider, w.attempts, w.replay from inbox_work w
      where w.workspace_id = k.workspace and w.okey = k.okey and w.event_id <= last_id and w.state < 2
        and (p_closed is null or (w.lane * 16 + w.provider)::smallint <> all (p_closed))
      order by w.event_id limit 200
    ) w
    join lateral (select * from inbox_events e where e.id = w.event_id offset 0) e on true;
end $$;

-- Keys in trouble whose time has come, or whose parked events wait. Suspects come one at a time and alone.
create function inbox_claim_due(
  p_worker text, p_lease interval, p_keys integer, p_events integer, p_alone boolean, p_closed smallint[]
) returns table (token bigint, event_id bigint, workspace_id integer, okey text, lane smallint, provider smallint,
                 attempts integer, replay boolean, endpoint_id integer, external_id text, event_type text, occurred_at timestamptz,
                 received_at timestamptz, segment_id bigint, body_offset integer, body_length integer, crashes integer, failures integer)
  language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off set jit = off
  as $$
#variable_conflict use_column
declare
  mine bigint := nextval('inbox_tokens');
  won_workspace integer[];
  won_okey text[];
begin
  with due as (
    select k.workspace_id, k.okey from inbox_keys k
    where k.token is null and k.next_at <= clock_timestamp() and k.suspect = p_alone
    order by k.next_at limit case when p_alone then 1 else p_keys end
    for update skip locked
  ), won as (
    update inbox_keys k set token = mine, next_at = null, alone = p_alone
    from due where k.workspace_id = due.workspace_id and k.okey = due.okey
    returning k.workspace_id, k.okey
  )
  select array_agg(won.workspace_id), array_agg(won.okey) into won_workspace, won_okey from won;
  if won_okey is null then
    return;
  end if;
  perform set_config('purser.workspaces', won_workspace::text, true);
  insert into inbox_leases (token, worker, lease_until, events)
  values (mine, p_worker, clock_timestamp() + p_lease, cardinality(won_okey));
  -- A key without work comes back too (event_id null), so that its lease is given up again.
  return query
    select mine, w.event_id, k.workspace, k.okey, w.lane, w.provider, w.attempts::integer, w.replay,
           e.endpoint_id, e.external_id, e.event_type, e.occurred_at, e.received_at, e.segment_id, e.body_offset, e.body_length,
           t.crashes::integer, t.failures::integer
    from unnest(won_workspace, won_okey) as k(workspace, okey)
    join inbox_keys t on t.workspace_id = k.workspace and t.okey = k.okey
    left join lateral (
      select w.event_id, w.lane, w.provider, w.attempts, w.replay from inbox_work w
      where w.workspace_id = k.workspace and w.okey = k.okey and w.state < 2
        and (p_closed is null or (w.lane * 16 + w.provider)::smallint <> all (p_closed))
      order by w.event_id
      -- A key that failed is tried with its first event only: the others must not count its failures.
      limit case when p_alone or t.failures > 0 then 1 else p_events end
    ) w on true
    left join lateral (select * from inbox_events e where e.id = w.event_id offset 0) e on true;
end $$;

-- The end of a batch, inside the transaction that wrote its projections and holds its fence.
-- fate 0 leaves the event for later (its key failed), 9 sets it aside as waiting.
create function inbox_finish(
  p_token bigint, p_now timestamptz, p_worker text,
  e_id bigint[], e_workspace integer[], e_fate smallint[], e_attempts smallint[], e_okey text[], e_reason text[], e_by text[], e_waiting text[], e_replay boolean[],
  k_workspace integer[], k_okey text[], k_wait integer[], k_error text[], p_idle interval
) returns void
  language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  as $$
#variable_conflict use_column
declare
  done record;
  deleted bigint;
begin
  if e_replay is null then
    insert into inbox_outcomes as o (event_id, at, workspace_id, fate, attempts, reason, superseded_by)
    select e.id, p_now, e.workspace, e.fate, e.attempts, e.reason, e.by
    from unnest(e_id, e_workspace, e_fate, e_attempts, e_reason, e_by) as e(id, workspace, fate, attempts, reason, by)
    where e.fate between 1 and 5
    on conflict (event_id) do update set at = excluded.at, fate = excluded.fate, attempts = excluded.attempts,
      reason = excluded.reason, superseded_by = excluded.superseded_by;
  else
    -- What was applied once stays applied: a replay that finds nothing to do is told in the tries.
    insert into inbox_outcomes as o (event_id, at, workspace_id, fate, attempts, reason, superseded_by)
    select e.id, p_now, e.workspace, e.fate, e.attempts, e.reason, e.by
    from unnest(e_id, e_workspace, e_fate, e_attempts, e_reason, e_by) as e(id, workspace, fate, attempts, reason, by)
    where e.fate between 1 and 5
    on conflict (event_id) do update set at = excluded.at, fate = excluded.fate, attempts = o.attempts + excluded.attempts,
      reason = excluded.reason, superseded_by = excluded.superseded_by
      where o.fate <> 1 or excluded.fate = 1;
    insert into inbox_attempts (event_id, workspace_id, at, worker, outcome, error)
    select e.id, e.workspace, p_now, p_worker, 'replayed: ' || inbox_fate(e.fate), e.reason
    from unnest(e_id, e_workspace, e_fate, e_reason, e_replay) as e(id, workspace, fate, reason, replay)
    where e.replay and e.fate between 1 and 5;
  end if;

  -- Found by key, one probe each, and then deleted by place: joined with the table, statistics from a moment when the
  -- queue was empty make the delete compare all with all. A row that was parked meanwhile has moved; it is found by key.
  delete from inbox_work w where w.ctid = any (array(
    select x.place
    from unnest(e_id, e_workspace, e_okey, e_fate) as e(id, workspace, okey, fate)
    cross join lateral (
      select y.ctid as place from inbox_work y
      where y.workspace_id = e.workspace and y.okey = e.okey and y.event_id = e.id offset 0
    ) x
    where e.fate between 1 and 5));
  get diagnostics deleted = row_count;
  if deleted < (select count(*) from unnest(e_fate) as e(fate) where e.fate between 1 and 5) then
    for done in
      select e.id, e.workspace, e.okey from unnest(e_id, e_workspace, e_okey, e_fate) as e(id, workspace, okey, fate)
      where e.fate between 1 and 5
    loop
      delete from inbox_work w where w.workspace_id = done.workspace and w.okey = done.okey and w.event_id = done.id;
    end loop;
  end if;

  if e_waiting is not null then
    insert into inbox_waiting as x (event_id, workspace_id, okey, waiting_for, reason, since, next_at)
    select e.id, e.workspace, e.okey, e.waiting, coalesce(e.reason, ''), p_now, p_now + interval '1 s'
    from unnest(e_id, e_workspace, e_okey, e_waiting, e_reason, e_fate) as e(id, workspace, okey, waiting, reason, fate)
    where e.fate = 9
    on conflict (event_id) do update set waiting_for = excluded.waiting_for, reason = excluded.reason, tries = x.tries + 1,
      next_at = p_now + least(interval '1 s' * power(2, least(x.tries, 9)), interval '5 min');
    update inbox_work w set state = 3
    from unnest(e_id, e_workspace, e_okey, e_fate) as e(id, workspace, okey, fate)
    where w.workspace_id = e.workspace and w.okey = e.okey and w.event_id = e.id and e.fate = 9;
  end if;

  if k_okey is not null then
    update inbox_work w set attempts = e.attempts, state = 1
    from unnest(e_id, e_workspace, e_okey, e_fate, e_attempts) as e(id, workspace, okey, fate, attempts)
    where w.workspace_id = e.workspace and w.okey = e.okey and w.event_id = e.id and e.fate = 0;
    update inbox_keys k set token = null, next_at = clock_timestamp() + f.wait * interval '1 ms', failures = least(k.failures + 1, 1000), suspect = false, alone = false,
      crashes = 0, has_parked = true, last_error = f.error
    from unnest(k_workspace, k_okey, k_wait, k_error) as f(workspace, okey, wait, error)
    where k.workspace_id = f.workspace and k.okey = f.okey and k.token = p_token;
  end if;

  if exists (select from inbox_waiting) then
    delete from inbox_waiting x using unnest(e_id, e_fate) as e(id, fate) where x.event_id = e.id and e.fate between 1 and 5;
    -- Whoever waited for one of these keys is tried again at once.
    with woken as (
      update inbox_waiting x set next_at = p_now + interval '1 min'
      where x.event_id in (
        select y.event_id from unnest(e_workspace, e_okey, e_fate) as e(workspace, okey, fate)
        join inbox_waiting y on y.workspace_id = e.workspace and e.okey in (y.waiting_for, y.okey)
        where e.fate = 1)
      returning x.event_id, x.workspace_id, x.okey
    )
    update inbox_work w set state = 0 from woken
    where w.workspace_id = woken.workspace_id and w.okey = woken.okey and w.event_id = woken.event_id and w.state = 3;
  end if;

  -- Someone parked events behind a key while we held it: lock it, look again, and keep it if there are any.
  perform 1 from inbox_keys k where k.token = p_token and (k.has_parked or k.alone) for update;
  if found then
    update inbox_keys k set token = null, next_at = clock_timestamp() + p_idle, failures = 0, crashes = 0, suspect = false, alone = false,
      last_error = null
    where k.token = p_token and (k.has_parked or k.alone)
      and exists (select from inbox_work w where w.workspace_id = k.workspace_id and w.okey = k.okey and w.state = 1);
  end if;
  delete from inbox_keys k where k.token = p_token;
  delete from inbox_leases l where l.token = p_token;
end $$;

-- Which (lane, provider, workspace) have ready work, and where it begins: one probe each.
create function inbox_discover() returns table (lane smallint, provider smallint, workspace_id integer, event_id bigint)
  language sql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
  as $$
  with recursive found as (
    (select w.lane, w.provider, w.workspace_id, w.event_id from inbox_work w where w.state = 0
     order by w.lane, w.provider, w.workspace_id, w.event_id limit 1)
    union all
    select n.lane, n.provider, n.workspace_id, n.event_id from found f cross join lateral (
      select w.lane, w.provider, w.workspace_id, w.event_id from inbox_work w
      where w.state = 0 and (w.lane, w.provider, w.workspace_id) > (f.lane, f.provider, f.workspace_id)
      order by w.lane, w.provider, w.workspace_id, w.event_id limit 1
    ) n
  )
  select f.lane, f.provider, f.workspace_id, f.event_id from found f
$$;

-- Puts ready events aside whose key is busy, so that the next scan does not meet them again; the key remembers
-- that there are some. Locked rows are left alone: whoever holds them is about to delete them.
create function inbox_park(p_lane smallint, p_provider smallint, p_workspace integer, p_floor bigint, p_limit integer, p_leased boolean)
  returns bigint
  language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off
  as $$
declare
  parked bigint := 0;
  seen record;
begin
  -- Row by row, as in inbox_finish: a join of the two sets is chosen badly just when they have grown from nothing.
  for seen in
    select w.event_id, w.okey from inbox_work w
    where w.state = 0 and w.lane = p_lane and w.provider = p_provider and w.workspace_id = p_workspace and w.event_id > p_floor
    order by w.event_id limit p_limit for update skip locked
  loop
    perform from inbox_keys k
      where k.workspace_id = p_workspace and k.okey = seen.okey and (k.token is null or p_leased)
      for update skip locked;
    if found then
      update inbox_keys k set has_parked = true
        where k.workspace_id = p_workspace and k.okey = seen.okey and not k.has_parked;
      update inbox_work w set state = 1
        where w.workspace_id = p_workspace and w.okey = seen.okey and w.event_id = seen.event_id;
      parked := parked + 1;
    end if;
  end loop;
  return parked;
end $$;

create function inbox_bodies(p_scope integer[], p_ids bigint[]) returns table (id bigint, body bytea)
  language plpgsql
  as $$
begin
  perform set_config('purser.workspaces', p_scope::text, true);
  return query select s.id, s.body from inbox_segments s where s.id = any (p_ids);
end $$;

-- Once a second, by whichever worker: take over what the dead held, wake who waited, give up who waited a day.
create function inbox_tend(p_now timestamptz, p_patience interval)
  returns table (taken_over integer, woken integer, given_up integer, unstuck integer, troubled boolean, suspects boolean, next_id bigint)
  language plpgsql
  as $$
#variable_conflict use_column
begin
  perform set_config('purser.workspaces', (select coalesce(array_agg(id), '{}')::text from workspaces), true);
  with dead as (
    select l.token from inbox_leases l where l.lease_until < clock_timestamp() for update skip locked
  ), gone as (
    delete from inbox_leases l using dead where l.token = dead.token returning l.token
  )
  update inbox_keys k set token = null, next_at = clock_timestamp(), suspect = true, alone = false, has_parked = true,
    crashes = least(k.crashes + k.alone::integer, 1000), last_error = 'the worker died'
  from gone where k.token = gone.token;
  get diagnostics taken_over = row_count;

  with due as (
    update inbox_waiting x set next_at = p_now + interval '5 min'
    where x.event_id in (select y.event_id from inbox_waiting y where y.next_at <= p_now order by y.next_at limit 2000 for update skip locked)
    returning x.event_id, x.workspace_id, x.okey
  )
  update inbox_work w set state = 0 from due
  where w.workspace_id = due.workspace_id and w.okey = due.okey and w.event_id = due.event_id and w.state = 3;
  get diagnostics woken = row_count;

  with old as (
    delete from inbox_waiting x where x.since < p_now - p_patience and x.event_id in (
      select w.event_id from inbox_work w where w.state = 3)
    returning x.event_id, x.workspace_id, x.okey, x.reason, x.waiting_for
  ), ended as (
    delete from inbox_work w using old
    where w.workspace_id = old.workspace_id and w.okey = old.okey and w.event_id = old.event_id
    returning w.event_id, w.workspace_id, w.attempts, old.reason, old.waiting_for
  )
  insert into inbox_outcomes as o (event_id, at, workspace_id, fate, attempts, reason)
  select e.event_id, p_now, e.workspace_id, 5, e.attempts, 'Waited too long for ' || e.waiting_for || ': ' || e.reason from ended e
  on conflict (event_id) do update set at = excluded.at, fate = 5, reason = excluded.reason;
  get diagnostics given_up = row_count;

  -- Belt and braces: parked behind a key that nobody has any more.
  update inbox_work w set state = 0
  where w.state = 1 and not exists (select from inbox_keys k where k.workspace_id = w.workspace_id and k.okey = w.okey);
  get diagnostics unstuck = row_count;

  select exists (select from inbox_keys k where k.token is null and not k.suspect), exists (select from inbox_keys k where k.token is null and k.suspect)
    into troubled, suspects;
  select s.last_value into next_id from inbox_event_ids s;
  return next;
end $$;

-- ---------------------------------------------------------------- the runbooks' view
create view webhook_events with (security_invoker = true) as
  select e.id, e.workspace_id, inbox_provider(e.provider) as provider, e.external_id as event_id, e.event_type,
         e.endpoint_id || ':' || e.external_id as dedupe_key,
         case when o.fate in (4, 5) then 'error'
              when o.fate = 1 then 'ok'
              when o.fate is not null then inbox_fate(o.fate)
              when w.attempts > 0 then 'retrying'
              else 'pending' end as processing_result,
         case when o.fate in (4, 5) then o.reason end as error,
         coalesce(o.attempts, w.attempts, 0) as attempts,
         o.at as processed_at,
         e.received_at as created_at,
         e.received_at,
         e.occurred_at
  from inbox_events e
  left join inbox_outcomes o on o.event_id = e.id
  left join inbox_work w on w.workspace_id = e.workspace_id and w.okey = e.okey and w.event_id = e.id;

-- What the audit log says of webhooks: sealed by the digest of their segment rather than line by line.
create view inbox_audit with (security_invoker = true) as
  select e.received_at as at, e.workspace_id, 'webhook.received' as action, e.id as event_id, e.external_id, null::text as detail
  from inbox_events e
  union all
  select d.last_at, d.workspace_id, 'webhook.duplicate', d.event_id, null, d.count::text
  from inbox_duplicates d
  union all
  select o.at, o.workspace_id, case when o.fate in (4, 5) then 'webhook.failed' else 'webhook.processed' end, o.event_id, null,
         concat_ws(': ', inbox_fate(o.fate), o.reason)
  from inbox_outcomes o;

-- ---------------------------------------------------------------- who may do what
select purser_grant('purser_intake', privileges, relation) from (values
  ('select', 'endpoints'), ('select', 'endpoint_secrets'),
  ('select, insert', 'inbox_segments'), ('select, insert', 'inbox_events'), ('insert', 'inbox_work'),
  ('select, insert', 'inbox_outcomes'), ('select, insert, update', 'inbox_duplicates'),
  ('select, insert', 'inbox_conflicts'), ('select, insert, delete', 'inbox_rejected'),
  ('select, insert, update', 'inbox_nodes'), ('select, insert, update', 'inbox_rates'),
  ('usage', 'sequence inbox_segment_ids'), ('usage', 'sequence inbox_event_ids')
) as grants (privileges, relation);
select purser_grant('purser_worker', privileges, relation) from (values
  ('select', 'endpoints'), ('select', 'inbox_segments'), ('select', 'inbox_events'),
  ('select, insert, update, delete', 'inbox_work'), ('select, insert, update, delete', 'inbox_keys'),
  ('select, insert, update, delete', 'inbox_leases'), ('select, insert, update, delete', 'inbox_waiting'),
  ('select, insert, update', 'inbox_outcomes'), ('select, insert', 'inbox_attempts'),
  ('select', 'inbox_controls'), ('select, insert, update, delete', 'inbox_nodes'), ('select, insert, update, delete', 'inbox_rates'),
  ('usage', 'sequence inbox_tokens'), ('select', 'sequence inbox_event_ids'), ('select', 'webhook_events')
) as grants (privileges, relation);
select purser_grant('purser_app', privileges, relation) from (values
  ('select, insert, update', 'endpoints'), ('select, insert, update', 'endpoint_secrets'),
  ('select', 'inbox_segments'), ('select', 'inbox_events'), ('select, insert, update, delete', 'inbox_work'),
  ('select, update, delete', 'inbox_keys'), ('select, delete', 'inbox_waiting'), ('select', 'inbox_leases'),
  ('select', 'inbox_outcomes'), ('select, insert', 'inbox_attempts'), ('select', 'inbox_duplicates'),
  ('select', 'inbox_conflicts'), ('select', 'inbox_rejected'), ('select, insert, update', 'inbox_controls'),
  ('select', 'inbox_nodes'), ('select', 'inbox_rates'), ('select', 'webhook_events'), ('select', 'inbox_audit')
) as grants (privileges, relation);
select purser_grant('purser_jobs', privileges, relation) from (values
  ('select', 'workspaces'), ('select, delete', 'inbox_segments'), ('select, delete', 'inbox_events'), ('select, delete', 'inbox_outcomes'),
  ('select, delete', 'inbox_attempts'), ('select, delete', 'inbox_duplicates'), ('select, delete', 'inbox_conflicts'),
  ('select, delete', 'inbox_rejected'), ('select, delete', 'inbox_rates'), ('select, delete', 'inbox_nodes'), ('select', 'inbox_work')
) as grants (privileges, relation);
select purser_grant('purser_operator', privileges, relation) from (values
  ('select', 'endpoints'), ('select', 'inbox_segments'), ('select', 'inbox_events'), ('select', 'inbox_work'), ('select', 'inbox_keys'),
  ('select', 'inbox_waiting'), ('select', 'inbox_leases'), ('select', 'inbox_outcomes'), ('select', 'inbox_attempts'),
  ('select', 'inbox_duplicates'), ('select', 'inbox_conflicts'), ('select', 'inbox_rejected'), ('select, insert, update', 'inbox_controls'),
  ('select', 'inbox_nodes'), ('select', 'inbox_rates'), ('select', 'webhook_events'), ('select', 'inbox_audit')
) as grants (privileges, relation);
