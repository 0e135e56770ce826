-- safe online
-- The ground: helpers for row-level security and grants, workspaces, organizations.
-- Roles are made by the migration runner before this file, because a managed Postgres may refuse CREATE ROLE.

create function purser_has_role(role_name text) returns boolean
  language sql stable
  as $$ select exists (select from pg_roles where rolname = role_name) $$;

-- Whose rows the transaction may see. Unset is an error and '' is no array: forgetting it shows nothing.
create function purser_workspaces() returns integer[]
  language sql stable
  as $$ select current_setting('purser.workspaces')::integer[] $$;

create function purser_grant(role_name text, privileges text, relation text) returns void
  language plpgsql
  as $$
begin
  if purser_has_role(role_name) then
    execute format('grant %s on %s to %I', privileges, relation, role_name);
  end if;
end $$;

-- Every table of the business: row-level security on and forced, so that even the owner is bound by it.
create function purser_protect(relation regclass) returns void
  language plpgsql
  as $$
begin
  execute format('alter table %s enable row level security', relation);
  execute format('alter table %s force row level security', relation);
  execute format(
    'create policy workspace on %s using (workspace_id = any ((select purser_workspaces())::integer[]))'
    ' with check (workspace_id = any ((select purser_workspaces())::integer[]))', relation);
  if purser_has_role('purser_operator') then
    execute format('create policy operator on %s to purser_operator using (true) with check (true)', relation);
  end if;
end $$;

create table workspaces (
  id integer generated always as identity primary key,
  public_id text not null unique,
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  time_zone text not null default 'UTC',
  is_default boolean not null default false,
  settings jsonb not null default '{}',
  created_at timestamptz not null
);
create unique index workspaces_one_default on workspaces (is_default) where is_default;
comment on table workspaces is 'The tenants. Names only: everything of theirs lives in tables under row-level security.';

create table organizations (
  id text primary key,
  workspace_id integer not null references workspaces (id),
  name text not null,
  email text,
  -- The product's own id of this customer, where it told us.
  external_id text,
  plan_tier text not null default 'free',
  locked_at timestamptz,
  -- Found through a provider's event before the provider's customer was known.
  is_placeholder boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workspace_id, external_id)
);
create index organizations_newest on organizations (workspace_id, created_at desc, id desc);
-- Cut, because an entry of an index holds 2.7 KB at most and a customer's name may be longer.
create index organizations_email on organizations (workspace_id, lower(left(email, 200)));
create index organizations_name on organizations (workspace_id, lower(left(name, 200)) text_pattern_ops);
select purser_protect('organizations');

create table organization_provider_ids (
  workspace_id integer not null references workspaces (id),
  provider text not null,
  provider_customer_id text not null,
  organization_id text not null references organizations (id),
  created_at timestamptz not null,
  primary key (workspace_id, provider, provider_customer_id)
);
create index organization_provider_ids_org on organization_provider_ids (organization_id);
comment on table organization_provider_ids is 'An organization may be several customers at a provider; a provider''s customer is one organization.';
select purser_protect('organization_provider_ids');

select purser_grant(role, 'select', 'workspaces')
  from unnest(array['purser_app', 'purser_worker', 'purser_intake', 'purser_operator', 'purser_audit', 'purser_auth']) as role;
select purser_grant('purser_app', 'insert, update', 'workspaces');
select purser_grant(role, 'select, insert, update', table_name)
  from unnest(array['purser_app', 'purser_worker', 'purser_operator']) as role,
       unnest(array['organizations', 'organization_provider_ids']) as table_name;
