-- A refresh token that is good now, locked: $1 its hash, $2 now.
select s.id, s.family_id, s.user_id, s.expires_at, u.is_admin
from sessions s join users u on u.id = s.user_id
where s.token_hash = $1 and s.used_at is null and s.expires_at > $2 and not u.is_archived
  and not exists (select from sessions r where r.family_id = s.family_id and r.revoked_at is not null)
for update of s
