-- safe online
-- Sign-in (better-auth's tables, in a schema of their own) and what a person or a token may do (ours).

create schema auth;
create table auth.users (
  id text primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null default false,
  image text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table auth.sessions (
  id text primary key,
  expires_at timestamptz not null,
  token text not null unique,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  ip_address text,
  user_agent text,
  user_id text not null references auth.users (id) on delete cascade
);
create index sessions_user on auth.sessions (user_id);
create table auth.accounts (
  id text primary key,
  account_id text not null,
  provider_id text not null,
  user_id text not null references auth.users (id) on delete cascade,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index accounts_user on auth.accounts (user_id);
create table auth.verifications (
  id text primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index verifications_identifier on auth.verifications (identifier);

-- Failed sign-ins in the current window, by account (hashed), by address and by both.
create table auth.throttles (
  key text primary key,
  failures integer not null,
  window_from timestamptz not null
);

create table staff (
  id text primary key,
  workspace_id integer not null references workspaces (id),
  -- better-auth's user; no foreign key, because the roles that write here may not see that schema
  user_id text not null,
  name text not null,
  email text not null,
  role text not null check (role in ('owner', 'admin', 'billing', 'support', 'agent', 'viewer', 'auditor')),
  created_at timestamptz not null,
  disabled_at timestamptz,
  unique (workspace_id, user_id)
);
create index staff_user on staff (user_id);
select purser_protect('staff');

create table api_tokens (
  id text primary key,
  workspace_id integer not null references workspaces (id),
  name text not null,
  prefix text not null,
  -- SHA-256 of the secret: 160 random bits need no slow hash, and looking a hash up takes the same time for every guess.
  secret_hash bytea not null unique,
  role text not null check (role in ('owner', 'admin', 'billing', 'support', 'agent', 'viewer', 'auditor')),
  scopes text[] not null default '{}',
  -- 'environment': given by PURSER_ADMIN_TOKEN and replaced when that changes
  source text not null check (source in ('created', 'environment')),
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_tokens_newest on api_tokens (workspace_id, created_at desc, id desc);
select purser_protect('api_tokens');

do $$
begin
  if purser_has_role('purser_auth') then
    grant usage on schema auth to purser_auth;
    grant select, insert, update, delete on all tables in schema auth to purser_auth;
  end if;
end $$;
select purser_grant('purser_app', 'select, insert, update', 'staff');
select purser_grant('purser_app', 'select, insert, update', 'api_tokens');
select purser_grant('purser_auth', 'select', 'staff');
select purser_grant('purser_auth', 'select, update', 'api_tokens');
select purser_grant('purser_operator', 'select, insert, update', 'staff');
-- Not the hashes.
select purser_grant('purser_operator',
  'select (id, workspace_id, name, prefix, role, scopes, source, created_at, created_by, expires_at, last_used_at, revoked_at), update (revoked_at)',
  'api_tokens');
