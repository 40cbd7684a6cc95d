-- People and their sign-in sessions.
create table users (
    id            uuid        primary key,
    email         text        not null constraint users_email_check check (length(email) between 3 and 254),
    name          text        not null constraint users_name_check check (length(name) between 1 and 200),
    password_hash text        not null,
    is_admin      boolean     not null default false,
    is_archived   boolean     not null default false,
    not_before    timestamptz not null default '-infinity', -- tokens issued earlier are refused
    version       bigint      not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null
);
create unique index users_email_key on users (lower(email)) where not is_archived;
create index users_created_at_idx on users (created_at desc, id desc) where not is_archived;

-- One row per refresh token; a family is what one login became by rotation.
create table sessions (
    id           uuid        primary key,
    family_id    uuid        not null,
    user_id      uuid        not null references users (id),
    token_hash   bytea       not null constraint sessions_token_hash_key unique,
    client       text        not null default '',
    created_at   timestamptz not null,
    expires_at   timestamptz not null, -- absolute for the family
    used_at      timestamptz,
    successor_id uuid,
    revoked_at   timestamptz
);
create index sessions_family_id_idx on sessions (family_id);
create index sessions_user_id_idx on sessions (user_id) where revoked_at is null;
create index sessions_expires_at_idx on sessions (expires_at);
