drop policy audit_read on audit;
drop policy audit_add on audit;
alter table audit disable row level security;
