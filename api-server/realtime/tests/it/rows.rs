//! Users, teams and sign-ins.

use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use sqlx::PgPool;
use uuid::Uuid;

/// Somebody who is signed in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    /// The sign-in.
    pub(crate) session: Uuid,
}

pub(crate) async fn person(pool: &PgPool) -> Person {
    let (id, session) = (SystemIds.uuid(), SystemIds.uuid());
    let now = SystemClock.now();
    sqlx::query(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         values ($1, $2, 'A', '-', $3, $3)",
    )
    .bind(id)
    .bind(format!("{id}@example.org"))
    .bind(now)
    .execute(pool)
    .await
    .expect("a user");
    sqlx::query(
        "insert into sessions (id, family_id, user_id, token_hash, created_at, expires_at)
         values ($1, $1, $2, $3, $4, $4 + interval '1 day')",
    )
    .bind(session)
    .bind(id)
    .bind(session.as_bytes().to_vec())
    .bind(now)
    .execute(pool)
    .await
    .expect("a sign-in");
    Person { id, session }
}

/// A team of one.
pub(crate) async fn team(pool: &PgPool, owner: Person) -> Uuid {
    let (id, now) = (SystemIds.uuid(), SystemClock.now());
    sqlx::query(
        "insert into teams (id, name, created_by, created_at, updated_at) values ($1, 'T', $2, $3, $3)",
    )
    .bind(id)
    .bind(owner.id)
    .bind(now)
    .execute(pool)
    .await
    .expect("a team");
    join(pool, id, owner).await;
    id
}

pub(crate) async fn join(pool: &PgPool, team: Uuid, person: Person) {
    sqlx::query(
        "insert into memberships (team_id, user_id, role, created_at) values ($1, $2, 'viewer', now())",
    )
    .bind(team)
    .bind(person.id)
    .execute(pool)
    .await
    .expect("a membership");
}

/// A statement about one person or sign-in.
pub(crate) async fn change(pool: &PgPool, sql: &'static str, id: Uuid) {
    let done = sqlx::query(sql).bind(id).execute(pool).await;
    assert_eq!(done.expect("changed").rows_affected(), 1);
}
