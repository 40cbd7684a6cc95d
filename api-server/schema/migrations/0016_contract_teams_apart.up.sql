-- A session sees and writes tasks of the teams that it was told, and reads what was done to them; a session that was told none
-- has none. The former version tells none: this waits for its end. The subselect is evaluated once for a statement, with the
-- ids made from words inside it; the cast outside does nothing but keep `any` from taking it for a list of rows. So the index by team is
-- still used.
create policy tasks_of_teams on tasks
    using (team_id = any ((select string_to_array(nullif(current_setting('crewdeck.teams', true), ''), ',')::uuid[])::uuid[]));
alter table tasks enable row level security;
drop policy audit_read on audit;
create policy audit_of_teams on audit for select
    using (team_id = any ((select string_to_array(nullif(current_setting('crewdeck.teams', true), ''), ',')::uuid[])::uuid[]));
