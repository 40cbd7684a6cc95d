-- no-transaction
-- Only the former version's lists used it.
drop index concurrently if exists tasks_owner_id_idx;
