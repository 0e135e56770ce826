do $$
begin
  if purser_has_role('purser_intake') then
    grant execute on function purser_enqueue(jsonb) to purser_intake;
  end if;
end $$;
