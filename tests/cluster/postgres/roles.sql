-- The logins that exist before any platform does. Run at every start: makes what is missing. @NAME@ is replaced.
do $$
begin
    if not exists (select from pg_roles where rolname = 'replicator') then
        create role replicator login replication password '@REPLICATOR@';
    end if;
    -- What a platform's administrator login needs, and no more: no superuser.
    if not exists (select from pg_roles where rolname = 'admin') then
        create role admin login createdb createrole password '@ADMIN@';
    end if;
    -- Members are refused by the primary (hba-primary.conf). The administrator is no member, not even with the admin
    -- option, which would shut it out too: on PostgreSQL 15 CREATEROLE is enough to grant the group.
    if not exists (select from pg_roles where rolname = 'crewdeck_replica_only') then
        create role crewdeck_replica_only nologin;
    end if;
end
$$;
-- To end sessions of a withdrawn login, and to see them in pg_stat_activity.
grant pg_signal_backend, pg_monitor to admin;
