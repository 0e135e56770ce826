-- safe online
-- Billing: what the provider said, as rows. `watermark` places a row's snapshot in the life of its object
-- (see domains/billing/stamp.core.ts); it is compared bytewise, hence collate "C". `snapshot` is our reading of the
-- provider's object as JSON: the columns are made from it, and one string comparison tells whether an event brought anything
-- new. created_at, updated_at and every other instant of a record are the provider's time; only synced_at and subscription_events.created_at are ours.
-- The tables that webhooks feed carry no foreign key to workspaces: every insert would share-lock the one row of the
-- workspace, and many workers together would turn that into multixacts. Their organization (or row-level security) ties them.

alter table organization_provider_ids
  add column name text,
  add column email text,
  add column phone text,
  add column currency text,
  add column balance_cents bigint not null default 0,
  add column delinquent boolean not null default false,
  add column deleted_at timestamptz,
  add column watermark text collate "C" not null default '',
  add column fetched_through bigint not null default 0,
  add column snapshot text,
  add column source text;
comment on column organization_provider_ids.watermark is 'Place of the newest customer snapshot applied; empty while the customer is known only from other objects.';

alter table organizations
  add column tier_because text,
  add column tier_changed_at timestamptz,
  add column source text;
comment on column organizations.tier_because is 'The event, fetch or operation that last moved plan_tier.';

create table plans (
  workspace_id integer not null references workspaces (id),
  tier text not null check (tier in ('free', 'starter', 'pro', 'enterprise')),
  version integer not null check (version > 0),
  name text not null,
  unlimited boolean not null default false,
  sites bigint check (sites >= 0),
  posts bigint check (posts >= 0),
  users bigint check (users >= 0),
  storage_bytes bigint check (storage_bytes >= 0),
  api_calls bigint check (api_calls >= 0),
  created_by text not null,
  created_at timestamptz not null,
  primary key (workspace_id, tier, version),
  -- Unlimited is said, never left out.
  check (unlimited or (sites is not null and posts is not null and users is not null
                       and storage_bytes is not null and api_calls is not null))
);
comment on table plans is 'The catalogue, every version kept; the highest version of a tier counts. A workspace without rows has the defaults of plan.core.ts.';
select purser_protect('plans');

create table plan_prices (
  workspace_id integer not null references workspaces (id),
  stripe_price_id text not null,
  tier text not null check (tier in ('free', 'starter', 'pro', 'enterprise')),
  created_by text not null,
  created_at timestamptz not null,
  primary key (workspace_id, stripe_price_id)
);
select purser_protect('plan_prices');

create table products (
  workspace_id integer not null,
  stripe_product_id text not null,
  name text not null,
  active boolean not null,
  tier_hint text,
  deleted boolean not null default false,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, stripe_product_id)
);
select purser_protect('products');

create table prices (
  workspace_id integer not null,
  stripe_price_id text not null,
  stripe_product_id text not null,
  active boolean not null,
  nickname text,
  lookup_key text,
  currency text not null,
  unit_amount_cents bigint,
  recurring_interval text,
  interval_count integer,
  billing_cycle text,
  tier_hint text,
  deleted boolean not null default false,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, stripe_price_id)
);
select purser_protect('prices');

create table subscriptions (
  id text primary key,
  workspace_id integer not null,
  organization_id text not null references organizations (id),
  stripe_subscription_id text not null,
  stripe_customer_id text not null,
  status text not null check (status in ('incomplete', 'incomplete_expired', 'trialing', 'active',
                                         'past_due', 'unpaid', 'paused', 'canceled')),
  plan_tier text,
  -- The tier that the newest snapshot with a mapped price gave, so that an unmapped price lowers nobody.
  mapped_tier text,
  mapped_watermark text collate "C" not null default '',
  billing_cycle text not null,
  amount_cents bigint,
  currency text not null,
  quantity integer not null,
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  cancel_at_period_end boolean not null,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  trial_start timestamptz,
  trial_end timestamptz,
  collection_method text not null,
  pause_behavior text,
  pause_resumes_at timestamptz,
  latest_invoice_id text,
  discounts jsonb not null default '[]',
  -- Entry into this episode of past_due by the provider's time: the clock of grace.
  past_due_since timestamptz,
  -- What past_due_since is computed from: the newest snapshot that was not past due, and those past due after it.
  settled_watermark text collate "C" not null default '',
  past_due_points text not null default '',
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  synced_at timestamptz not null,
  unique (workspace_id, stripe_subscription_id)
) with (fillfactor = 75);
create index subscriptions_organization on subscriptions (organization_id);
create index subscriptions_newest on subscriptions (workspace_id, created_at desc, id desc);
create index subscriptions_past_due on subscriptions (workspace_id, past_due_since) where status = 'past_due';
comment on column subscriptions.amount_cents is 'Per billing cycle, all licensed items; null where a price has no fixed amount.';
comment on column subscriptions.updated_at is 'The provider''s time of the snapshot in force. Not the clock of grace: that is past_due_since.';
select purser_protect('subscriptions');

create view subscription_items with (security_invoker = true) as
  select s.workspace_id, s.organization_id, s.id as subscription_id, s.stripe_subscription_id, s.status,
         item ->> 'id' as stripe_item_id,
         item ->> 'price' as stripe_price_id,
         item ->> 'product' as stripe_product_id,
         (item ->> 'quantity')::integer as quantity,
         (item ->> 'unitAmountMinor')::bigint as unit_amount_cents,
         item ->> 'currency' as currency,
         item ->> 'interval' as recurring_interval,
         (item ->> 'intervalCount')::integer as interval_count,
         item ->> 'usageType' as usage_type,
         item ->> 'tierHint' as tier_hint
    from subscriptions s cross join lateral jsonb_array_elements(s.snapshot::jsonb -> 'items') as item;
comment on view subscription_items is 'The items lie in the subscription''s row, because they come and converge with it.';

create table invoices (
  id text primary key,
  workspace_id integer not null,
  organization_id text not null references organizations (id),
  stripe_invoice_id text not null,
  stripe_customer_id text not null,
  stripe_subscription_id text,
  number text,
  status text not null check (status in ('draft', 'open', 'uncollectible', 'paid', 'void', 'deleted')),
  currency text not null,
  total_cents bigint not null,
  amount_due_cents bigint not null,
  amount_paid_cents bigint not null,
  amount_remaining_cents bigint not null,
  tax_cents bigint not null,
  attempt_count integer not null,
  next_payment_attempt timestamptz,
  billing_reason text,
  collection_method text,
  period_start timestamptz not null,
  period_end timestamptz not null,
  due_at timestamptz,
  finalized_at timestamptz,
  paid_at timestamptz,
  voided_at timestamptz,
  hosted_url text,
  pdf_url text,
  -- Named by the invoice itself only before Basil; later shapes name them through invoice_payments.
  stripe_payment_intent_id text,
  stripe_charge_id text,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  synced_at timestamptz not null,
  unique (workspace_id, stripe_invoice_id)
) with (fillfactor = 75);
create index invoices_organization on invoices (organization_id, created_at desc);
create index invoices_newest on invoices (workspace_id, created_at desc, id desc);
select purser_protect('invoices');

create table invoice_payments (
  workspace_id integer not null,
  stripe_invoice_payment_id text not null,
  stripe_invoice_id text not null,
  -- pi_... or ch_...
  stripe_payment_id text not null,
  status text not null,
  amount_cents bigint not null,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, stripe_invoice_payment_id)
);
create index invoice_payments_invoice on invoice_payments (workspace_id, stripe_invoice_id);
create index invoice_payments_payment on invoice_payments (workspace_id, stripe_payment_id);
select purser_protect('invoice_payments');

create table charges (
  workspace_id integer not null,
  stripe_charge_id text not null,
  -- The row of payments that this charge belongs to: its payment intent, or itself.
  stripe_payment_id text not null,
  stripe_customer_id text,
  stripe_invoice_id text,
  status text not null,
  amount_cents bigint not null,
  amount_captured_cents bigint not null,
  amount_refunded_cents bigint not null,
  currency text not null,
  captured boolean not null,
  disputed boolean not null,
  failure_code text,
  failure_message text,
  method text,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, stripe_charge_id)
);
create index charges_payment on charges (workspace_id, stripe_payment_id);
select purser_protect('charges');

create table payment_intents (
  workspace_id integer not null,
  stripe_payment_intent_id text not null,
  stripe_customer_id text,
  stripe_invoice_id text,
  status text not null,
  amount_cents bigint not null,
  amount_received_cents bigint not null,
  currency text not null,
  canceled_at timestamptz,
  latest_charge_id text,
  failure_code text,
  failure_message text,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, stripe_payment_intent_id)
);
select purser_protect('payment_intents');

create table payments (
  id text primary key,
  workspace_id integer not null,
  organization_id text references organizations (id),
  stripe_payment_id text not null,
  stripe_customer_id text,
  stripe_invoice_id text,
  status text not null,
  amount_cents bigint not null,
  amount_refunded_cents bigint not null,
  currency text not null,
  disputed boolean not null,
  failure_code text,
  failure_message text,
  method text,
  charge_ids text[] not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  synced_at timestamptz not null,
  unique (workspace_id, stripe_payment_id)
);
create index payments_organization on payments (organization_id, created_at desc);
create index payments_newest on payments (workspace_id, created_at desc, id desc);
comment on table payments is 'A payment intent and its charges as one payment, computed from payment_intents and charges whenever one of them changes.';
select purser_protect('payments');

create table refunds (
  id text primary key,
  workspace_id integer not null,
  organization_id text references organizations (id),
  stripe_refund_id text not null,
  stripe_charge_id text,
  stripe_payment_id text,
  status text not null,
  amount_cents bigint not null,
  currency text not null,
  reason text,
  failure_reason text,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  synced_at timestamptz not null,
  unique (workspace_id, stripe_refund_id)
);
create index refunds_organization on refunds (organization_id, created_at desc);
create index refunds_payment on refunds (workspace_id, stripe_payment_id);
select purser_protect('refunds');

create table disputes (
  id text primary key,
  workspace_id integer not null,
  organization_id text references organizations (id),
  stripe_dispute_id text not null,
  stripe_charge_id text not null,
  stripe_payment_id text,
  status text not null,
  amount_cents bigint not null,
  currency text not null,
  reason text not null,
  evidence_due_at timestamptz,
  watermark text collate "C" not null,
  fetched_through bigint not null default 0,
  snapshot text not null,
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  synced_at timestamptz not null,
  unique (workspace_id, stripe_dispute_id)
);
create index disputes_organization on disputes (organization_id, created_at desc);
select purser_protect('disputes');

create table subscription_events (
  id bigint generated always as identity,
  workspace_id integer not null,
  organization_id text,
  stripe_event_id text not null,
  event_type text not null,
  object_id text not null,
  fate text not null check (fate in ('applied', 'superseded', 'waiting', 'quarantined', 'failed')),
  data jsonb not null,
  occurred_at timestamptz not null,
  processed_at timestamptz,
  processing_error text,
  -- When we received it.
  created_at timestamptz not null,
  primary key (workspace_id, stripe_event_id)
);
create index subscription_events_object on subscription_events (workspace_id, object_id);
create index subscription_events_organization on subscription_events (organization_id, occurred_at desc);
create index subscription_events_recent on subscription_events using brin (created_at);
create index subscription_events_failed on subscription_events (workspace_id, created_at)
  where processed_at is null or processing_error is not null;
comment on table subscription_events is 'One row for every billing event that a worker handled: ids and changed fields. The body stays in the inbox.';
select purser_protect('subscription_events');

create table provider_intents (
  id text primary key,
  workspace_id integer not null references workspaces (id),
  provider text not null,
  action text not null,
  subject_id text not null,
  idempotency_key text not null,
  request jsonb not null,
  state text not null check (state in ('planned', 'sent', 'done', 'unknown', 'failed')),
  result jsonb,
  error text,
  attempts integer not null default 0,
  actor text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workspace_id, idempotency_key)
);
create index provider_intents_open on provider_intents (workspace_id, created_at) where state in ('planned', 'sent', 'unknown');
comment on table provider_intents is 'What we meant to do at a provider, committed before the call. An unknown outcome is looked up, never repeated blindly.';
select purser_protect('provider_intents');

select purser_grant(role, 'select, insert, update', table_name)
  from unnest(array['purser_app', 'purser_worker', 'purser_jobs', 'purser_operator']) as role,
       unnest(array['plans', 'plan_prices', 'products', 'prices', 'subscriptions', 'invoices', 'invoice_payments',
                    'charges', 'payment_intents', 'payments', 'refunds', 'disputes', 'subscription_events',
                    'provider_intents']) as table_name;
select purser_grant(role, 'select', 'subscription_items')
  from unnest(array['purser_app', 'purser_worker', 'purser_jobs', 'purser_operator', 'purser_audit']) as role;
select purser_grant('purser_app', 'delete', 'plan_prices');
