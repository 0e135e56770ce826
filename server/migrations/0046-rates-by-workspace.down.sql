alter table inbox_nodes drop column figures;
do $$
declare
  policy text;
begin
  for policy in select polname from pg_policy where polrelid = 'inbox_rates'::regclass loop
    execute format('drop policy %I on inbox_rates', policy);
  end loop;
end $$;
alter table inbox_rates no force row level security;
alter table inbox_rates disable row level security;
delete from inbox_rates;
alter table inbox_rates drop constraint inbox_rates_pkey;
alter table inbox_rates drop column workspace_id;
alter table inbox_rates add primary key (minute, node, provider, lane);
