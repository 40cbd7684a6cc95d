create table teams (
    id          uuid        primary key,
    name        text        not null constraint teams_name_check check (length(name) between 1 and 100),
    is_archived boolean     not null default false,
    version     bigint      not null default 1,
    created_by  uuid        not null references users (id),
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);
create index teams_created_at_idx on teams (created_at desc, id desc) where not is_archived;

create table memberships (
    team_id    uuid        not null references teams (id),
    user_id    uuid        not null references users (id),
    role       text        not null constraint memberships_role_check check (role in ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null,
    primary key (team_id, user_id)
);
create index memberships_user_id_idx on memberships (user_id, team_id);
