//! Rows of the application, written as its owner.

use chrono::{DateTime, Utc};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use sqlx::PgPool;
use uuid::Uuid;

/// A login that may read the views and nothing else; also its password.
pub(crate) const READER: &str = "crewdeck_test_reader";

/// Makes a database what both migrations and the operator's grants make of it.
pub(crate) async fn prepare(pool: &PgPool) {
    analytics::MIGRATOR.run(pool).await.expect("own tables");
    let reader = "do $$ begin
        create role crewdeck_test_reader login password 'crewdeck_test_reader';
        exception when duplicate_object or unique_violation then null;
        end $$;
        grant select on analytics_tasks, analytics_teams, analytics_memberships, analytics_revocations
            to crewdeck_test_reader";
    sqlx::raw_sql(reader)
        .execute(pool)
        .await
        .expect("a login for the views");
}

pub(crate) async fn user(pool: &PgPool) -> Uuid {
    let id = SystemIds.uuid();
    sqlx::query(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         values ($1, $2, 'A', '-', $3, $3)",
    )
    .bind(id)
    .bind(format!("{id}@example.org"))
    .bind(SystemClock.now())
    .execute(pool)
    .await
    .expect("a user");
    id
}

/// A team with its owner and `others` as members.
pub(crate) async fn team(pool: &PgPool, owner: Uuid, others: &[Uuid]) -> Uuid {
    let (id, now) = (SystemIds.uuid(), SystemClock.now());
    sqlx::query(
        "insert into teams (id, name, created_by, created_at, updated_at) values ($1, 'T', $2, $3, $3)",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .execute(pool)
    .await
    .expect("a team");
    let members = others.iter().map(|user| (*user, "member"));
    for (user, role) in members.chain([(owner, "owner")]) {
        sqlx::query(
            "insert into memberships (team_id, user_id, role, created_at) values ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(user)
        .bind(role)
        .bind(now)
        .execute(pool)
        .await
        .expect("a member");
    }
    id
}

/// A task of `team`, made by `user`.
pub(crate) async fn task(
    pool: &PgPool,
    team: Uuid,
    user: Uuid,
    (status, due_at, is_archived): (&str, Option<DateTime<Utc>>, bool),
) {
    sqlx::query(
        "insert into tasks (id, team_id, title, status, due_at, is_archived, created_by, created_at, updated_at)
         values ($1, $2, 't', $3, $4, $5, $6, $7, $7)",
    )
    .bind(SystemIds.uuid())
    .bind(team)
    .bind(status)
    .bind(due_at)
    .bind(is_archived)
    .bind(user)
    .bind(SystemClock.now())
    .execute(pool)
    .await
    .expect("a task");
}

/// Runs one statement about the row `id`.
pub(crate) async fn change(pool: &PgPool, statement: &'static str, id: Uuid) {
    let done = sqlx::query(statement).bind(id).execute(pool).await;
    assert_eq!(done.expect("a valid statement").rows_affected(), 1);
}
