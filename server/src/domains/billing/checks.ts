/** SQL that must return no rows: `id` of what is wrong and `what` in one sentence. */
export const BILLING_CHECKS = [
  {
    name: "billing.one_live_subscription",
    title: "No organization has two live subscriptions",
    sql: `select organization_id as id, count(*) || ' live subscriptions: ' || string_agg(stripe_subscription_id, ', ' order by stripe_subscription_id) as what
            from subscriptions where status in ('trialing', 'active', 'past_due')
           group by organization_id having count(*) > 1 order by organization_id limit 100`,
  },
  {
    name: "billing.prices_are_mapped",
    title: "Every live subscription's price leads to a plan",
    sql: `select stripe_subscription_id as id, 'no plan is mapped to ' || (snapshot::jsonb #>> '{items,0,price}') as what
            from subscriptions where status in ('trialing', 'active', 'past_due') and plan_tier is null
           order by stripe_subscription_id limit 100`,
  },
  {
    name: "billing.tier_follows_subscriptions",
    title: "No organization without a live subscription is on a paid tier",
    sql: `select o.id, 'is on ' || o.plan_tier || ' without a live subscription' as what
            from organizations o
           where o.plan_tier <> 'free'
             and not exists (select from subscriptions s where s.organization_id = o.id and s.status in ('trialing', 'active', 'past_due'))
           order by o.id limit 100`,
  },
  {
    name: "billing.columns_match_snapshots",
    title: "No subscription stands otherwise than the provider said",
    sql: `select stripe_subscription_id as id, 'is ' || status || ', the provider said ' || (snapshot::jsonb ->> 'status') as what
            from subscriptions where status <> snapshot::jsonb ->> 'status' order by stripe_subscription_id limit 100`,
  },
  {
    name: "billing.intents_are_settled",
    title: "No call to the provider is open for more than an hour",
    sql: `select id, action || ' of ' || subject_id || ' is ' || state as what
            from provider_intents where state in ('planned', 'sent', 'unknown') and updated_at < clock_timestamp() - interval '1 hour'
           order by id limit 100`,
  },
  {
    name: "billing.refunds_within_payments",
    title: "No payment was refunded by more than was paid",
    sql: `select p.stripe_payment_id as id, r.refunded || ' refunded of ' || p.amount_cents as what
            from payments p
            join (select workspace_id, stripe_payment_id, sum(amount_cents) as refunded from refunds
                   where status in ('succeeded', 'pending') group by 1, 2) r
              on r.workspace_id = p.workspace_id and r.stripe_payment_id = p.stripe_payment_id
           where r.refunded > p.amount_cents order by p.stripe_payment_id limit 100`,
  },
] as const;
