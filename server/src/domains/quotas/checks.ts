/** SQL that must return no rows. */
export const QUOTA_CHECKS = [
  {
    name: "quotas.follow_the_plan",
    title: "Every limit is its plan's or an override with a name on it",
    sql: `select q.organization_id || '/' || q.dimension as id,
                 'has ' || coalesce(q.quota_limit::text, 'no limit') || ' where the plan ' || o.plan_tier || ' gives ' || coalesce(p.quota_limit::text, 'no limit') as what
            from usage_quotas q
            join organizations o on o.id = q.organization_id
            join lateral quotas_plan_limits(o.workspace_id, o.plan_tier) p on p.dimension = q.dimension
           where q.limit_source = 'plan' and (q.quota_limit, q.unlimited) is distinct from (p.quota_limit, p.unlimited)
           order by 1 limit 100`,
  },
  {
    name: "quotas.everybody_has_them",
    title: "Every organization has a quota in each of the five dimensions",
    sql: `select o.id, 'has ' || count(q.dimension) || ' of 5 quotas' as what
            from organizations o left join usage_quotas q on q.organization_id = o.id
           group by o.id having count(q.dimension) <> 5
           order by 1 limit 100`,
  },
] as const;
