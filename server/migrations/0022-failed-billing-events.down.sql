drop trigger billing_failed_event on inbox_outcomes;
drop function billing_note_failed_event();
