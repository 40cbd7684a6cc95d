-- The statement of a create with a task of the usual length: pgbench's limit for every side.
with m as (
    select team_id from memberships where team_id = :team::uuid and user_id = :person::uuid and role <> 'viewer'
), t as (
    insert into tasks (id, team_id, title, description, status, priority, due_at, created_by, created_at, updated_at)
    select gen_random_uuid(), team_id, 'Made by the bench', rtrim(repeat('What has to be done. ', 5)), 'todo', 2,
           '2030-01-01'::timestamptz, :person::uuid, now(), now()
    from m
    returning *
), a as (
    insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
    select 'task', id, team_id, created_by, 'task.created',
           jsonb_build_object('title', jsonb_build_object('before', null, 'after', title),
                              'description', jsonb_build_object('before', null, 'after', description),
                              'status', jsonb_build_object('before', null, 'after', status),
                              'priority', jsonb_build_object('before', null, 'after', priority),
                              'due_at', jsonb_build_object('before', null, 'after', due_at),
                              'is_archived', jsonb_build_object('before', null, 'after', is_archived)),
           gen_random_uuid()::text, created_at
    from t
), o as (
    insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
    select gen_random_uuid(), 'task-events', 'task.created.v1', id, version,
           jsonb_build_object('task_id', id, 'team_id', team_id, 'title', title, 'status', status, 'owner_id', owner_id,
                              'due_at', due_at, 'version', version, 'actor_id', created_by, 'occurred_at', created_at,
                              'changed', array['description', 'due_at', 'is_archived', 'priority', 'status', 'title']),
           created_by, created_at
    from t
)
select * from t;
