-- no-transaction
-- A sign-in to an address that nobody has takes as long as one of somebody who is drawn by the address.
create index concurrently if not exists users_at_random_idx on users (sha256(uuid_send(id))) where not is_archived;
