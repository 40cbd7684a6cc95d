create table notifications (
    id         uuid        primary key,
    user_id    uuid        not null references users (id),
    event_id   uuid        not null,
    kind       text        not null,
    task_id    uuid,
    title      text        not null,
    body       text,
    read_at    timestamptz,
    created_at timestamptz not null default now(),
    constraint notifications_user_id_event_id_key unique (user_id, event_id)
);
create index notifications_user_id_created_at_idx on notifications (user_id, created_at desc, id desc);
create index notifications_unread_idx on notifications (user_id) where read_at is null;
