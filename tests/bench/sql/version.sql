-- The version of a task: $1 the caller, $2 its id.
select version from tasks where id = $2 and team_id in (select team_id from memberships where user_id = $1)
