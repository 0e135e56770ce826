-- safe online
-- Counting in one round trip: what was decided on remembered rows is written only where every row is still as
-- remembered; one that is not leaves everything as it was, and the caller decides anew under locks.
create function quotas_swap(
  p_scope text, p_ids text[], p_dimensions text[], p_tiers text[],
  p_usage bigint[], p_limits bigint[], p_resets timestamptz[],
  p_new_usage bigint[], p_new_resets timestamptz[], p_now timestamptz
) returns boolean
  language plpgsql
  as $$
declare
  same integer;
begin
  perform set_config('purser.workspaces', p_scope, true);
  -- Locked in the order that everybody locks in; a row that changed while we waited is looked at again and falls out.
  select count(*) into same from (
    select from unnest(p_ids, p_dimensions, p_tiers, p_usage, p_limits, p_resets)
             as w (organization_id, dimension, tier, usage, quota_limit, last_reset_at)
      join usage_quotas q on q.organization_id = w.organization_id and q.dimension = w.dimension
       and q.current_usage = w.usage and q.quota_limit is not distinct from w.quota_limit
       and date_trunc('milliseconds', q.last_reset_at) = w.last_reset_at
      join organizations o on o.id = q.organization_id and o.plan_tier = w.tier and o.locked_at is null
     order by q.organization_id, q.dimension
       for no key update of q
  ) as held;
  if same <> cardinality(p_ids) then
    return false;
  end if;
  update usage_quotas q
     set current_usage = w.usage, last_reset_at = w.last_reset_at, updated_at = p_now
    from unnest(p_ids, p_dimensions, p_new_usage, p_new_resets) as w (organization_id, dimension, usage, last_reset_at)
   where q.organization_id = w.organization_id and q.dimension = w.dimension;
  return true;
end $$;
