-- Rows of analytics' own. Every name is qualified: for checking, both databases are one.
create schema if not exists analytics;

-- What happened to a team's tasks on a day (UTC), counted from events.
create table analytics.daily_task_counts (
    team_id   uuid   not null,
    day       date   not null,
    created   bigint not null default 0 constraint daily_task_counts_created_check check (created >= 0),
    completed bigint not null default 0 constraint daily_task_counts_completed_check check (completed >= 0),
    archived  bigint not null default 0 constraint daily_task_counts_archived_check check (archived >= 0),
    primary key (team_id, day)
);

-- Events that were counted: the second delivery finds its row.
create table analytics.inbox (
    consumer    text        not null,
    event_id    uuid        not null,
    received_at timestamptz not null,
    primary key (consumer, event_id)
);
create index inbox_received_at_idx on analytics.inbox (received_at);
