-- no-transaction
-- A list of one person's tasks looks team by team: the index on the owner alone read the tasks of all teams for each.
create index concurrently if not exists tasks_team_id_owner_id_idx
    on tasks (team_id, owner_id, created_at desc, id desc) where not is_archived;
