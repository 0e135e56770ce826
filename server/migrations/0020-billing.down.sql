drop view subscription_items;
drop table provider_intents, subscription_events, disputes, refunds, payments, payment_intents, charges,
  invoice_payments, invoices, subscriptions, prices, products, plan_prices, plans;
alter table organizations drop column tier_because, drop column tier_changed_at, drop column source;
alter table organization_provider_ids
  drop column name, drop column email, drop column phone, drop column currency, drop column balance_cents,
  drop column delinquent, drop column deleted_at, drop column watermark, drop column fetched_through,
  drop column snapshot, drop column source;
