create table tasks (
    id           uuid        primary key,
    team_id      uuid        not null references teams (id),
    title        text        not null constraint tasks_title_check check (length(title) between 1 and 200),
    description  text        not null default '' constraint tasks_description_check check (length(description) <= 20000),
    status       text        not null constraint tasks_status_check check (status in ('todo', 'doing', 'done')),
    priority     smallint    not null default 0 constraint tasks_priority_check check (priority between 0 and 4),
    owner_id     uuid        references users (id),
    due_at       timestamptz,
    completed_at timestamptz,
    is_archived  boolean     not null default false,
    version      bigint      not null default 1,
    created_by   uuid        not null references users (id),
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
-- One index per list predicate; archived rows are outside all of them but the last.
create index tasks_team_id_created_at_idx on tasks (team_id, created_at desc, id desc) where not is_archived;
create index tasks_team_id_status_idx on tasks (team_id, status, created_at desc, id desc) where not is_archived;
create index tasks_owner_id_idx on tasks (owner_id, created_at desc, id desc) where not is_archived;
create index tasks_team_id_due_at_idx on tasks (team_id, due_at, id) where not is_archived and due_at is not null;
create index tasks_team_id_archived_idx on tasks (team_id, created_at desc, id desc) where is_archived;
