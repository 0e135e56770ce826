-- safe online
-- The intake faces the internet and asks for no job: it may not put any in the queue, of any workspace.
do $$
begin
  if purser_has_role('purser_intake') then
    revoke execute on function purser_enqueue(jsonb) from purser_intake;
  end if;
end $$;
