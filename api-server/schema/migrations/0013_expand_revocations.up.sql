-- Sign-ins that ended before their time, for as long as an access token of theirs could still be good. Sessions tell the same,
-- but in one row per refresh token, of which a sign-in leaves thousands.
create table revocations (
    session_id uuid        primary key,
    expires_at timestamptz not null
);
create index revocations_expires_at_idx on revocations (expires_at);

create view analytics_revocations as
    select session_id, expires_at from revocations;
