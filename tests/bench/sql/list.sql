-- A page, newest first: $1 the caller, $2 most rows, $3 and $4 where the page before ended, or null.
-- The newest of each team by its index, then merged: the plan of Crewdeck.
select x.* from memberships m
cross join lateral (
    select t.id, t.team_id, t.title, t.description, t.status, t.priority, t.owner_id, t.due_at, t.completed_at,
           t.is_archived, t.version, t.created_by, t.created_at, t.updated_at
    from tasks t
    where t.team_id = m.team_id and not t.is_archived
      and ($3::timestamptz is null or (t.created_at, t.id) < ($3::timestamptz, $4::uuid))
    order by t.created_at desc, t.id desc limit $2
) x
where m.user_id = $1
order by x.created_at desc, x.id desc limit $2
