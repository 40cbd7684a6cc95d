//! The numbers, and who may see them.

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use serde_json::json;
use sqlx::PgPool;

use crate::rows::{change, prepare, task, team, user};
use crate::world::{Settings, token};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_member_sees_the_numbers_of_the_team(pool: PgPool) {
    prepare(&pool).await;
    let (ada, bob) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, ada, &[bob]).await;
    let theirs = team(&pool, bob, &[]).await;
    let now = SystemClock.now();
    let past = Some(now - TimeDelta::hours(1));
    let future = Some(now + TimeDelta::hours(1));
    let rows = [
        ("todo", past, false),
        ("todo", future, false),
        ("todo", None, false),
        ("doing", past, false),
        ("done", past, false),
        ("todo", past, true),
    ];
    for row in rows {
        task(&pool, ours, ada, row).await;
    }
    task(&pool, theirs, bob, ("todo", past, false)).await;
    let today = now.date_naive();
    let (oldest, older) = (today - TimeDelta::days(29), today - TimeDelta::days(30));
    sqlx::query(
        "insert into analytics.daily_task_counts (team_id, day, created, completed)
         values ($1, $2, 3, 1), ($1, $3, 2, 2), ($1, $4, 9, 9)",
    )
    .bind(ours)
    .bind(today)
    .bind(oldest)
    .bind(older)
    .execute(&pool)
    .await
    .expect("counts");

    let role = Settings::of(&pool).ready().await;
    let (status, body) = role.summary(ours, Some(&token(ada, false))).await;
    assert_eq!(status, 200, "{body}");
    let data = &body["data"];
    assert_eq!(data["team_id"], json!(ours));
    assert_eq!(data["total"], 5);
    assert_eq!(data["by_status"], json!({"todo": 3, "doing": 1, "done": 1}));
    assert_eq!(data["archived"], 1);
    assert_eq!(data["overdue"], 2);
    assert_eq!(data["members"], 2);
    assert_eq!(data["replica_lag_seconds"], 0.0, "a primary is not behind");
    let as_of: DateTime<Utc> = serde_json::from_value(data["as_of"].clone()).expect("a time");
    assert!(as_of >= now && as_of <= SystemClock.now(), "{as_of}");
    let daily = data["daily"].as_array().expect("a list");
    let day =
        |day, created, completed| json!({"day": day, "created": created, "completed": completed});
    assert_eq!(daily.len(), 30);
    assert_eq!(daily[29], day(today, 3, 1));
    assert_eq!(daily[0], day(oldest, 2, 2));
    assert_eq!(daily[1], day(oldest + TimeDelta::days(1), 0, 0));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_foreign_team_does_not_exist_but_for_administrators(pool: PgPool) {
    prepare(&pool).await;
    let (ada, eve) = (user(&pool).await, user(&pool).await);
    let (ours, absent) = (team(&pool, ada, &[]).await, SystemIds.uuid());
    let role = Settings::of(&pool).ready().await;
    let (member, stranger) = (token(ada, false), token(eve, false));
    let administrator = token(eve, true);

    let (status, foreign) = role.summary(ours, Some(&stranger)).await;
    assert_eq!(
        (status, &foreign["error"]["code"]),
        (404, &json!("not_found"))
    );
    let (status, missing) = role.summary(absent, Some(&stranger)).await;
    assert_eq!(
        (status, &missing["error"]["detail"]),
        (404, &foreign["error"]["detail"])
    );
    assert_eq!(role.summary(ours, Some(&administrator)).await.0, 200);
    assert_eq!(role.summary(absent, Some(&administrator)).await.0, 404);

    assert_eq!(role.summary(ours, Some(&member)).await.0, 200);
    change(
        &pool,
        "update users set is_archived = true where id = $1",
        ada,
    )
    .await;
    assert_eq!(role.summary(ours, Some(&member)).await.0, 404);
    change(
        &pool,
        "update teams set is_archived = true where id = $1",
        ours,
    )
    .await;
    assert_eq!(role.summary(ours, Some(&administrator)).await.0, 404);
}
