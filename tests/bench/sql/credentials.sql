-- Who signs in: $1 the address.
select id, password_hash, is_admin from users where lower(email) = lower($1) and not is_archived
