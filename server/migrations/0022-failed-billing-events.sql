-- safe online
-- An event whose projection threw left no row of its own: the transaction was rolled back. When the inbox gives it up
-- (fate 4 quarantined, 5 dead) its failure belongs into subscription_events, where the runbook counts failures
-- (`processed_at IS NULL OR processing_error IS NOT NULL`). A later replay that applies overwrites the line.

create function billing_note_failed_event() returns trigger
  language plpgsql security definer set search_path = public, pg_temp
  as $$
begin
  insert into subscription_events as s
    (workspace_id, stripe_event_id, event_type, object_id, fate, data, occurred_at, processed_at, processing_error, created_at)
  select e.workspace_id, e.external_id, e.event_type, '', 'failed', jsonb_build_object('key', e.okey, 'changed', '{}'::jsonb),
         coalesce(e.occurred_at, e.received_at), null, coalesce(new.reason, 'It could not be applied.'), e.received_at
    from inbox_events e
   where e.id = new.event_id and e.provider = 1
  on conflict (workspace_id, stripe_event_id) do update
     set processing_error = excluded.processing_error, fate = 'failed'
   where s.fate in ('waiting', 'failed');
  return null;
end $$;
revoke all on function billing_note_failed_event() from public;

create trigger billing_failed_event after insert or update of fate on inbox_outcomes
  for each row when (new.fate in (4, 5)) execute function billing_note_failed_event();
