-- The first refresh token of a sign-in.
insert into sessions (id, family_id, user_id, token_hash, client, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
