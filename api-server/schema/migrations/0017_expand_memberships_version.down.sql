alter table memberships
    drop column updated_at,
    drop column version;
