drop function purser_enqueue(jsonb);
drop schema pgboss cascade;
