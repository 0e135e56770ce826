do $$
declare
  relation text;
begin
  foreach relation in array array['subscriptions', 'invoices', 'organizations', 'payments', 'refunds', 'disputes',
                                  'plans', 'plan_prices', 'provider_intents'] loop
    execute format('drop trigger if exists by_hand on %I', relation);
    -- Tables of the ground keep the watch that the audit log hung on them.
    if relation <> 'organizations' then
      execute format('drop trigger if exists out_of_band on %I', relation);
    end if;
  end loop;
end $$;
drop function billing_mark_by_hand();
