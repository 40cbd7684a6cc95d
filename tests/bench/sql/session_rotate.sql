-- Exchanges a refresh token ($1) for the next one, in one statement.
with used as (update sessions set used_at = $7, successor_id = $2 where id = $1)
insert into sessions (id, family_id, user_id, token_hash, client, created_at, expires_at)
values ($2, $3, $4, $5, $6, $7, $8)
