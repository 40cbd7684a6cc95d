-- One task: $1 the caller, $2 its id.
select id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived, version,
       created_by, created_at, updated_at
from tasks where id = $2 and team_id in (select team_id from memberships where user_id = $1)
