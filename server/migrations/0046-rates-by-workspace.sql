-- safe online
-- How much comes and goes is a tenant's own business: rates are counted by workspace and under row-level security as
-- everything of theirs is. Figures of the last minutes only, so what was counted before is let go.
delete from inbox_rates;
alter table inbox_rates drop constraint inbox_rates_pkey;
alter table inbox_rates add column workspace_id integer not null;
alter table inbox_rates add primary key (minute, node, workspace_id, provider, lane);
select purser_queue_table('inbox_rates');

-- What a worker has done since it started, for the metrics page: a worker answers no HTTP itself.
alter table inbox_nodes add column figures jsonb not null default '{}';
