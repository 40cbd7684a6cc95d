-- The version that the team got when the membership became what it is; 1 for one that nobody has touched since before this. Never
-- changed memberships have no updated_at.
alter table memberships
    add column version    bigint not null default 1,
    add column updated_at timestamptz;
