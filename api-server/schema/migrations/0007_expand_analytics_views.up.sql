-- The only contract of analytics: tables may change underneath, names of people are not in it.
create view analytics_teams as
    select id as team_id, name, is_archived from teams;
create view analytics_memberships as
    select m.team_id, m.user_id, m.role
    from memberships m
    join users u on u.id = m.user_id
    where not u.is_archived;
create view analytics_tasks as
    select id as task_id, team_id, status, owner_id, due_at, created_at, completed_at, is_archived from tasks;
