create index tasks_owner_id_idx on tasks (owner_id, created_at desc, id desc) where not is_archived;
