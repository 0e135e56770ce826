-- safe online
-- An operator may end a token by hand. To bring one back would bring back a secret that leaked; only the
-- environment's own token returns, when PURSER_ADMIN_TOKEN is set back to it, and by the service alone.

create function purser_token_stays_ended() returns trigger language plpgsql as $$
begin
  if new.source <> 'environment' or session_user = 'purser_operator' then
    raise exception 'Token % stays ended; make a new one.', old.id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger api_tokens_stay_ended before update of revoked_at on api_tokens
  for each row when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
  execute function purser_token_stays_ended();
