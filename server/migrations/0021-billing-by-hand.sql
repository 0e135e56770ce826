-- safe online
-- What is typed into psql: audited like everything else, and visible in the row that it changed.
-- The watermark stays, so a later event of the provider still wins and `explain` can say what was typed over what.

create function billing_mark_by_hand() returns trigger
  language plpgsql
  as $$
begin
  new.source := 'psql:' || session_user;
  return new;
end $$;

do $$
declare
  relation text;
begin
  -- Where all of Purser runs as one role, a person and the product cannot be told apart.
  if not purser_has_role('purser_service') then
    return;
  end if;
  foreach relation in array array['subscriptions', 'invoices', 'organizations'] loop
    execute format(
      'create trigger by_hand before insert or update on %I for each row'
      ' when (session_user <> ''purser_service'') execute function billing_mark_by_hand()', relation);
  end loop;
end $$;

select purser_watch(name)
  from unnest(array['subscriptions', 'invoices', 'payments', 'refunds', 'disputes', 'plans', 'plan_prices',
                    'provider_intents']::regclass[]) as name;
