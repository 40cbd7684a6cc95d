//! Who is given a task is in the team until it is theirs.

use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::rows::{count, hold_outbox, team, user, waits_for_outbox};
use crate::world::{World, path};

/// Removes somebody from the team as soon as nobody keeps that from happening.
async fn remove(pool: &PgPool, team: Uuid, user: Uuid) -> Transaction<'static, Postgres> {
    let mut removal = common_db::begin(pool).await.expect("a transaction");
    sqlx::query("delete from memberships where team_id = $1 and user_id = $2")
        .bind(team)
        .bind(user)
        .execute(&mut *removal)
        .await
        .expect("removed");
    removal
}

/// Until the removal waits for somebody.
async fn removal_waits(pool: &PgPool) {
    let look = async {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and query like 'delete from memberships%'";
        while count(pool, waiting).await == 0 {}
    };
    let deadline = std::time::Duration::from_secs(20);
    let in_time = tokio::time::timeout(deadline, look).await;
    in_time.expect("the removal waits");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_removal_waits_for_what_is_being_given(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "owner"), (ben, "member")]).await;
    let body = json!({"team_id": ours, "title": "Oil"});
    let task = world.task(ada, body).await;
    let new = json!({"team_id": ours, "title": "Fuel", "owner_id": ben});
    let given = json!({"owner_id": ben});
    for (method, path, body, expected) in [
        ("PATCH", path(&task), given.clone(), 1),
        ("POST", "/api/v1/tasks".to_owned(), new, 2),
    ] {
        // It is Ben's, and not committed.
        let outbox = hold_outbox(&pool).await;
        let give = world.call(ada, method, &path, &[], body);
        let others = async {
            waits_for_outbox(&pool).await;
            let removal = remove(&pool, ours, ben);
            let let_go = async {
                removal_waits(&pool).await;
                outbox.rollback().await.expect("let go");
            };
            let (removal, ()) = tokio::join!(removal, let_go);
            // What the event of the removal would find.
            let his = "select count(*) from tasks where owner_id is not null";
            let found = count(&pool, his).await;
            removal.rollback().await.expect("he stays for the next");
            found
        };
        let (answer, found) = tokio::join!(give, others);
        assert!(answer.status < 300, "{method}: {}", answer.body);
        assert_eq!(found, expected, "{method}");
    }
    let removal = remove(&pool, ours, ben).await;
    removal.commit().await.expect("removed");
    let refused = world.patch(ada, &task, &[], given).await;
    refused.refused_field("/owner_id");
}
