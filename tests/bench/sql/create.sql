-- A task with its audit row and event, in one statement; no row comes back where the caller may not write.
-- $1 id, $2 team, $3 title, $4 description, $5 status, $6 priority, $7 owner, $8 due, $9 the caller, $10 now,
-- $11 diff, $12 request id, $13 event id, $14 payload.
with m as (
    select team_id from memberships where team_id = $2 and user_id = $9 and role <> 'viewer'
), t as (
    insert into tasks (id, team_id, title, description, status, priority, owner_id, due_at, completed_at,
                       created_by, created_at, updated_at)
    select $1::uuid, team_id, $3::text, $4::text, $5::text, $6::smallint, $7::uuid, $8::timestamptz,
           case when $5::text = 'done' then $10::timestamptz end, $9::uuid, $10::timestamptz, $10::timestamptz
    from m
    returning *
), a as (
    insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
    select 'task', id, team_id, $9, 'task.created', $11::jsonb, $12::text, $10 from t
), o as (
    insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
    select $13::uuid, 'task-events', 'task.created.v1', id, version, $14::jsonb, $9, $10 from t
)
select id, team_id, title, description, status, priority, owner_id, due_at, completed_at, is_archived, version,
       created_by, created_at, updated_at
from t
